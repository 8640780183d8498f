"""`doctor`: what it finds well, and what to mend."""

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from support.shell import Typed, run
from support.stand_in_tunnel import stand_in

from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio


def to_mend(output: str) -> list[str]:
    return [line.removeprefix("MEND  ") for line in output.splitlines() if line.startswith("MEND")]


async def test_all_is_well(typed: Typed, tmp_path: Path):
    prices = tmp_path / "prices.toml"
    prices.write_text('[prices."seedream-4-5"]\nusd = 0.04\nper = "image"\n', encoding="utf-8")
    done = await run(typed, "doctor", APIXO_MCP_PRICES=str(prices))
    assert done.exit_code == 0, done.output
    assert not to_mend(done.stdout)
    assert "ok    models: 60 on offer" in done.stdout
    assert "answers; balance 100.00" in done.stdout
    assert "ok    gateway ruxa: no key set" in done.stdout
    assert f"1 model in {prices}" in done.stdout
    assert "sk-mine" not in done.output


async def test_no_key(typed: Typed):
    done = await run(typed, "doctor", key="")
    assert done.exit_code == 1
    assert to_mend(done.stdout) == ["keys: none"]
    assert "Set APIXO_API_KEY" in done.stdout


async def test_a_broken_file_of_prices_is_told_once(typed: Typed, tmp_path: Path):
    prices = tmp_path / "prices.toml"
    prices.write_text("prices = [", encoding="utf-8")
    done = await run(typed, "doctor", APIXO_MCP_PRICES=str(prices))
    assert done.exit_code == 1
    assert to_mend(done.stdout) == ["prices (APIXO_MCP_PRICES): cannot be used"]
    assert f"{prices} is not valid TOML" in done.stdout


async def test_a_folder_that_cannot_be_written_to(typed: Typed, tmp_path: Path):
    (tmp_path / "file").touch()
    done = await run(typed, "doctor", home="file/home", APIXO_MCP_ALLOWED_ROOTS=str(tmp_path / "nowhere"))
    assert done.exit_code == 1
    folder, root, store = to_mend(done.stdout)
    assert folder.startswith("data folder (APIXO_MCP_HOME)")
    assert root.startswith("allowed folder")
    assert store.startswith("task store")


async def test_a_variable_that_is_no_setting(typed: Typed):
    done = await run(typed, "doctor", APIXO_MCP_DOWNLOAD_FOLDER="/tmp")
    assert done.exit_code == 1
    [told] = to_mend(done.stdout)
    assert told.endswith("APIXO_MCP_DOWNLOAD_FOLDER is no setting and is ignored. Did you mean APIXO_MCP_DOWNLOAD_DIR?")


async def test_a_gateway_that_has_no_balance_call_is_well(typed: Typed, box: Sandbox):
    box.scenario({"route": "balance", "do": "http:404"})
    done = await run(typed, "doctor")
    assert done.exit_code == 0, done.output
    assert f"ok    gateway apixo: {box.url} answers; its balance is not known (" in done.stdout


async def test_a_key_that_the_gateway_refuses(typed: Typed, box: Sandbox):
    box.scenario({"route": "balance", "do": "http:401"})
    done = await run(typed, "doctor")
    assert done.exit_code == 1
    assert "Set APIXO_API_KEY to a valid key" in done.stdout


async def test_a_gateway_that_does_not_answer(typed: Typed):
    done = await run(typed, "doctor", APIXO_BASE_URL="http://127.0.0.1:9")
    assert done.exit_code == 1
    assert [line.split(":")[0] for line in to_mend(done.stdout)] == ["gateway apixo"]
    assert "Check APIXO_BASE_URL. " in done.stdout


async def test_a_gateway_out_of_reach_at_its_usual_address_is_no_matter_of_a_setting(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(GATEWAYS["apixo"], "base_url", "http://127.0.0.1:9")
    done = await run(typed, "doctor", APIXO_BASE_URL="")
    assert done.exit_code == 1
    assert "Check this machine's connection to the internet" in done.stdout
    assert "APIXO_BASE_URL" not in done.stdout


async def test_prices_that_count_for_nothing_are_told(typed: Typed, tmp_path: Path):
    prices = tmp_path / "prices.toml"
    text = '[prices."seedraem-4-5"]\nusd = 1\nper = "image"\n[prices."sora-2"]\nusd = 1\nper = "video"\n'
    prices.write_text(text + "when = { lenght = 8 }\n", encoding="utf-8")
    done = await run(typed, "doctor", APIXO_MCP_PRICES=str(prices))
    assert done.exit_code == 1
    assert "Did you mean seedream-4-5?" in done.stdout
    assert "when.lenght never holds" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="nothing can be made beneath /dev/null")
async def test_a_folder_that_can_never_be_made(typed: Typed, tmp_path: Path):
    there = tmp_path / "not" / "yet"
    done = await run(typed, "doctor", APIXO_MCP_DOWNLOAD_DIR="/dev/null/nope")
    assert to_mend(done.stdout) == ["download folder (APIXO_MCP_DOWNLOAD_DIR): /dev/null/nope"]
    assert "a file stands in its place" in done.stdout
    well = await run(typed, "doctor", APIXO_MCP_DOWNLOAD_DIR=str(there))
    assert f"{there} (made when first needed)" in well.stdout
    assert not there.parent.exists()


async def test_a_proxy_that_refuses_is_named(typed: Typed):
    far = {"APIXO_BASE_URL": "http://gateway.invalid", "HTTP_PROXY": "http://127.0.0.1:9"}
    done = await run(typed, "doctor", **far)
    assert done.exit_code == 1
    assert "gateway.invalid was not reached through the proxy that HTTP_PROXY names" in done.stdout
    assert "Check HTTP_PROXY. " in done.stdout
    assert "APIXO_BASE_URL" not in done.stdout


async def test_certificates_that_are_missing_are_named(typed: Typed, tmp_path: Path):
    missing = str(tmp_path / "nope.pem")
    done = await run(typed, "doctor", "--json", APIXO_BASE_URL="https://gateway.invalid", SSL_CERT_FILE=missing)
    gateway = next(entry for entry in json.loads(done.stdout)["findings"] if entry["what"] == "gateway apixo")
    assert (gateway["variable"], gateway["status"]) == ("SSL_CERT_FILE", "mend")
    assert gateway["said"].startswith("https://gateway.invalid: gateway.invalid was not asked")


async def test_advice_is_given_once(typed: Typed):
    done = await run(typed, "doctor", key="${user_config.key}")
    said = "MEND  settings: APIXO_API_KEY holds a placeholder that nothing filled in, so it counts as not set\n"
    assert f"{said}      Write the value itself, or take the variable out.\n" in done.stdout
    assert "Correct it" not in done.stdout


async def test_a_tunnel_is_tried(typed: Typed):
    done = await run(typed, "doctor", APIXO_MCP_TUNNEL=stand_in())
    assert done.exit_code == 0, done.output
    assert "ok    tunnel (APIXO_MCP_TUNNEL): python" in done.stdout
    assert "leads here by http://127.0.0.1:" in done.stdout


@pytest.mark.parametrize(
    ("tunnel", "words", "fix"),
    [
        ("no-such-program {port}", "there is no program 'no-such-program' on this machine", "Correct the command"),
        (stand_in("exit"), "ended by itself (exit code 3) before it gave an address", "Start it once in a terminal"),
    ],
)
async def test_a_tunnel_that_cannot_be_had_is_told(typed: Typed, tunnel: str, words: str, fix: str):
    done = await run(typed, "doctor", "--json", APIXO_MCP_TUNNEL=tunnel)
    assert done.exit_code == 1
    [finding] = [one for one in json.loads(done.stdout)["findings"] if one["status"] == "mend"]
    assert finding["variable"] == "APIXO_MCP_TUNNEL"
    assert words in finding["said"]
    assert finding["mend"].startswith(fix)


@pytest.mark.parametrize("is_allowed", [False, True])
async def test_a_gateway_at_a_private_address_is_told_of_while_results_there_are_not_saved(
    typed: Typed, is_allowed: bool
):
    done = await run(typed, "doctor", APIXO_MCP_ALLOW_PRIVATE_HOSTS="1" if is_allowed else "0")
    assert done.exit_code == 0, done.output
    assert ("set APIXO_MCP_ALLOW_PRIVATE_HOSTS=1" in " ".join(done.stdout.split())) is not is_allowed


async def test_a_public_url_without_a_callback_is_not_believed_in(typed: Typed):
    url = "https://mcp.example.com"
    done = await run(typed, "doctor", APIXO_MCP_PUBLIC_URL=url)
    assert f"no callback of apixo has arrived at {url} yet, so its tasks are polled" in done.stdout


async def test_a_public_url_that_no_gateway_can_call_is_to_be_mended(typed: Typed):
    done = await run(
        typed, "doctor", APIXO_MCP_PUBLIC_URL="https://192.168.1.5", APIXO_BASE_URL="https://gateway.invalid"
    )
    told = next(line for line in to_mend(done.stdout) if line.startswith("public URL"))
    assert "no gateway is asked to call back at https://192.168.1.5" in told


WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def test_an_address_for_webhooks_is_tried_and_told_nothing(typed: Typed, box: Sandbox):
    url = f"{box.url}/secret-path"
    done = await run(typed, "doctor", APIXO_MCP_NOTIFY_URL=url, APIXO_MCP_NOTIFY_SECRET=WHSEC)
    assert (
        "ok    webhooks (APIXO_MCP_NOTIFY_URL): 127.0.0.1 answers (HTTP 404 to a HEAD; nothing was told)" in done.stdout
    )
    assert "secret-path" not in done.output
    done = await run(typed, "doctor", APIXO_MCP_NOTIFY_URL=url)
    assert [line for line in to_mend(done.stdout) if line.startswith("webhooks (APIXO_MCP_NOTIFY_URL)")]
    assert "APIXO_MCP_NOTIFY_SECRET is needed with APIXO_MCP_NOTIFY_URL" in done.stdout
    done = await run(typed, "doctor", APIXO_MCP_NOTIFY_URL="http://127.0.0.1:9/", APIXO_MCP_NOTIFY_SECRET=WHSEC)
    assert [line for line in to_mend(done.stdout) if "none can be sent" in line]


UNUSABLE = {
    "APIXO_MCP_DAILY_BUDGET_USD": "lots",
    "APIXO_MCP_LOG_LEVEL": "LOUD",
    "APIXO_MCP_PUBLIC_URL": "nowhere",
    "APIXO_MCP_ALLOWED_ROOTS": "~nobody-of-this-name/pictures",
    "APIXO_MCP_NOTIFY_SECRET": "plain",
}


async def test_settings_that_cannot_be_used_hold_up_nothing_else(typed: Typed, box: Sandbox):
    done = await run(typed, "doctor", APIXO_MCP_NOTIFY_URL=f"{box.url}/told", **UNUSABLE)
    assert done.exit_code == 1
    assert sorted(line.split(": ")[1] for line in to_mend(done.stdout)) == sorted(UNUSABLE)
    for variable in UNUSABLE:
        assert f"Set {variable} to what is allowed, or take it out." in done.stdout
    assert "ok    models: 60 on offer" in done.stdout
    assert "answers; balance 100.00" in done.stdout
    assert "ok    task store" in done.stdout
    assert "plain" not in done.output


async def test_json_goes_on_past_a_setting_that_cannot_be_used(typed: Typed):
    done = await run(typed, "doctor", "--json", APIXO_MCP_AUTO_RETRY="often")
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert not answer["is_well"]
    [unusable] = [finding for finding in answer["findings"] if finding["status"] == "mend"]
    assert (unusable["check"], unusable["variable"]) == ("settings", "APIXO_MCP_AUTO_RETRY")
    assert unusable["mend"] == "Set APIXO_MCP_AUTO_RETRY to what is allowed, or take it out."
    assert {"folders", "disk", "models", "store", "gateways"} <= {one["check"] for one in answer["findings"]}


@pytest.mark.parametrize("variable", ["APIXO_MCP_HOME", "APIXO_MCP_DOWNLOAD_DIR"])
async def test_no_other_folder_is_looked_at_for_one_that_cannot_be_used(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    folder = "~nobody-of-this-name/data"
    options = {"APIXO_MCP_ALLOWED_ROOTS": str(tmp_path / "temporary"), variable: folder}
    done = await run(typed, "doctor", **options)
    assert done.exit_code == 1
    [told] = to_mend(done.stdout)
    assert told.startswith(f"settings: {variable}: names a user with ~ whose home folder is not known")
    assert "answers; balance 100.00" in done.stdout
    assert f"({variable})" not in done.stdout
    assert ("task store" in done.stdout) == (variable != "APIXO_MCP_HOME")
    assert not list((tmp_path / "temporary").iterdir()), "what stood in for it is deleted"


async def test_no_key_goes_to_another_address_than_the_one_that_cannot_be_used(
    typed: Typed, box: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(GATEWAYS["apixo"], "base_url", box.url)
    done = await run(typed, "doctor", APIXO_BASE_URL="not an address")
    assert done.exit_code == 1
    assert [line.split(": ")[1] for line in to_mend(done.stdout)] == ["APIXO_BASE_URL"]
    assert "gateway apixo" not in done.stdout
    assert "gateway ruxa: no key set" in done.stdout
    assert "ok    task store" in done.stdout


async def test_gateways_are_asked_beside_a_store_that_cannot_be_opened(typed: Typed, tmp_path: Path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "tasks.sqlite3").mkdir()
    done = await run(typed, "doctor")
    assert done.exit_code == 1
    assert [line.split(":")[0] for line in to_mend(done.stdout)] == ["task store"]
    assert "answers; balance 100.00" in done.stdout


async def test_a_key_store_that_cannot_be_read_is_told_of_and_all_else_looked_at(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "keyring", None)  # as where the extra is not installed
    done = await run(typed, "doctor", key="", APIXO_MCP_KEYRING="1")
    assert done.exit_code == 1
    assert to_mend(done.stdout) == ["settings: APIXO_MCP_KEYRING: the extra `keyring` is not installed"]
    assert "Install it: `" in done.stdout
    assert "[keyring]'`." in done.stdout
    assert "ok    task store" in done.stdout
