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

.PHONY: demo test e2e field lint bench faults conformance examples examples-latest clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit('apixo-mcp needs Python 3.11 or newer, this is ' + sys.version.split()[0]) if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	$(BIN)/python -c "import pathlib; pathlib.Path('$(VENV)/.installed').touch()"

demo: $(VENV)/.installed
	$(BIN)/apixo-mcp demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 4 --dist loadgroup
	@echo "Left out: the server as a process, from its start to its end (make e2e)."
	@echo "Left out: what people met in the field, case by case (make field)."
	@echo "Left out: the protocol's conformance suite and the Inspector's lint, which need npm (make conformance)."
	@echo "Left out: the fault suite: the table of faults, kills, takeovers, made-up arguments and answers (make faults)."
	@echo "Left out: the agents in examples/, which install their frameworks (make examples)."

e2e: $(VENV)/.installed
	$(BIN)/python -m pytest tests/e2e -n 4 -o norecursedirs=

field: $(VENV)/.installed
	$(BIN)/python -m pytest tests/field -n 4 -o norecursedirs=

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright -p . --pythonpath $(BIN)/python

bench: $(VENV)/.installed
	$(BIN)/python -m pytest tests/benchmarks -s -o norecursedirs=

# How often a process is killed, and how many arguments, answers and files are made up. The seed that is printed repeats a run.
FAULTS_KILLS ?= 300
FAULTS_EXAMPLES ?= 10000
FAULTS_FILES ?= 2000
faults: export FAULTS_KILLS := $(FAULTS_KILLS)
faults: export FAULTS_EXAMPLES := $(FAULTS_EXAMPLES)
faults: export FAULTS_FILES := $(FAULTS_FILES)
faults: $(VENV)/.installed
	$(BIN)/python -m pytest tests/faults -s -o norecursedirs=

conformance: $(VENV)/.installed
	$(BIN)/python tests/conformance/run.py

examples: $(VENV)/.installed
	$(BIN)/python tests/examples/run.py

examples-latest: $(VENV)/.installed
	$(BIN)/python tests/examples/run.py --latest

clean:
	$(PYTHON) -c "import shutil; shutil.rmtree('$(VENV)', ignore_errors=True)"
