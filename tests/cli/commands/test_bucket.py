"""Commands whose files are in a bucket, and what they say of one that cannot be used."""

import json
import sys
import uuid
from pathlib import Path

import anyio
import pytest
from support.amounts import in_time
from support.buckets import Answering
from support.media_wire import a_png
from support.s3 import S3, fetched
from support.shell import Typed, run, shown

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

TROUBLES = {
    "NoSuchBucket": "there is no such bucket. Make it",
    "AccessDenied": "Allow s3:GetObject",
    "InvalidAccessKeyId": "Correct AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "Correct AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the temporary credentials have run out",
    "RequestTimeTooSkewed": "this machine's clock is more than 15 minutes off",
    "AuthorizationHeaderMalformed": "Set AWS_REGION",
}
"""The codes of S3 that stay until somebody corrects something, and what is to be said of each."""
SECRETS = ("AKIAPLANTED", "planted-secret-key", "planted-signature", "X-Amz-")


@pytest.fixture
def bucket(s3: S3) -> str:
    return s3.bucket(f"results-{uuid.uuid4().hex}")


async def test_a_result_is_told_by_its_address_and_a_link_and_copied_under_its_own_name(
    typed: Typed, bucket: str, tmp_path: Path
) -> None:
    given = {"APIXO_MCP_RESULTS": f"s3://{bucket}/team"}
    generated = await run(typed, "generate", "nano-banana", "a red fox", **given)
    assert generated.exit_code == 0, generated.output
    [address] = generated.stdout.split()
    assert address.startswith(f"s3://{bucket}/team/")
    task_id = address.split("/")[-2]
    assert f"apixo-mcp tasks download {task_id} FOLDER" in generated.stderr
    task = await shown(typed, task_id, **given)
    assert "path" not in task["results"][0]
    status, body, _ = fetched(task["results"][0]["link"])
    assert (status, len(body)) == (200, task["results"][0]["bytes"])
    assert address in (await run(typed, "tasks", "list", **given)).stdout
    downloaded = await run(typed, "tasks", "download", task_id, tmp_path / "copies", **given)
    [copy] = (tmp_path / "copies").iterdir()
    assert str(copy) in downloaded.stdout
    assert copy.name.startswith("a-red-fox-")
    assert copy.read_bytes() == body
    assert not (tmp_path / "pictures").exists()


async def test_a_local_file_and_an_earlier_result_go_to_the_gateway_through_the_bucket(
    typed: Typed, bucket: str, box: Sandbox, tmp_path: Path, s3: S3
) -> None:
    given = {"APIXO_MCP_RESULTS": f"s3://{bucket}", "APIXO_MCP_ALLOWED_ROOTS": str(tmp_path)}
    picture = a_png(padding=5_000)
    (tmp_path / "mine.png").write_bytes(picture)
    edit = ("generate", "nano-banana", "a fox", "--set", "mode=image-to-image", "--set")
    edited = await run(typed, *edit, f"image_urls={tmp_path / 'mine.png'}", **given)
    assert edited.exit_code == 0, edited.output
    [sent] = box.submits()[-1]["input"]["image_urls"]
    assert sent.startswith(f"{s3.url}/{bucket}/inputs/")
    assert box.app.backend.inputs[sent] == picture
    [address] = edited.stdout.split()
    again = await run(typed, *edit, f"image_urls={address}", **given)
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize("code", TROUBLES)
async def test_a_bucket_that_can_never_be_used_is_told_before_anything_is_paid(
    typed: Typed, code: str, box: Sandbox, s3: S3
) -> None:
    more = "<AWSAccessKeyId>AKIAPLANTED</AWSAccessKeyId><SignatureProvided>planted-signature</SignatureProvided>"
    with Answering(code, more=more) as store:
        given = {"APIXO_MCP_RESULTS": "s3://results", "AWS_ENDPOINT_URL_S3": store.url}
        refused = await run(typed, "generate", "nano-banana", "a fox", **given)
        examined = await run(typed, "doctor", "--json", **given)
    assert refused.exit_code != 0
    assert "APIXO_MCP_RESULTS" in refused.output
    assert TROUBLES[code] in refused.output
    assert not box.submits()
    [finding] = [one for one in json.loads(examined.stdout)["findings"] if one["check"] == "bucket"]
    assert finding["status"] == "mend"
    assert TROUBLES[code].split(". ")[-1] in f"{finding['said']}. {finding['mend']}"
    for word in SECRETS:
        assert word not in refused.output + examined.output


async def test_a_bucket_that_is_away_keeps_nothing_from_being_made(
    typed: Typed, bucket: str, s3: S3, tmp_path: Path
) -> None:
    away = {"APIXO_MCP_RESULTS": f"s3://{bucket}", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    generated = await run(typed, "generate", "nano-banana", "a fox", **away)
    assert generated.exit_code != 0
    assert "the object store does not answer" in generated.output
    [part] = (tmp_path / "home" / "arriving").glob("*.part")
    task_id = part.name[1:].rpartition("-")[0]
    body = part.read_bytes()
    back = await run(typed, "tasks", "wait", task_id, APIXO_MCP_RESULTS=f"s3://{bucket}", AWS_ENDPOINT_URL_S3=s3.url)
    assert back.exit_code == 0, back.output
    [key] = [key for key in s3.keys(bucket) if not key.endswith(".json")]
    assert s3.body(bucket, key) == body
    assert not [*(tmp_path / "home" / "arriving").iterdir()]


async def test_doctor_tries_the_bucket_and_leaves_nothing_there(typed: Typed, bucket: str, s3: S3) -> None:
    examined = await run(typed, "doctor", "--json", APIXO_MCP_RESULTS=f"s3://{bucket}/team")
    found = [one for one in json.loads(examined.stdout)["findings"] if one["check"] == "bucket"]
    assert [one["status"] for one in found] == ["ok", "ok"], found
    assert "takes, gives, lists and deletes" in found[0]["said"]
    assert not s3.keys(bucket)
    assert not any(word in examined.output for word in SECRETS)


@pytest.mark.process
@pytest.mark.parametrize("words", [("serve", "--transport", "http", "--port", "0"), ("generate", "suno", "a song")])
async def test_without_the_extra_it_is_told_what_to_install(
    words: tuple[str, ...], environment: dict[str, str]
) -> None:
    script = "import sys; sys.modules['obstore'] = None; from apixo_mcp.cli.main import main; main()"
    variables = environment | {"APIXO_MCP_RESULTS": "s3://results"}
    with in_time(60):
        done = await anyio.run_process([sys.executable, "-c", script, *words], env=variables, check=False)
    assert done.returncode != 0
    assert b"APIXO_MCP_RESULTS: s3://results takes the extra `s3`, which is not installed. Install it: `" in done.stderr
    assert b"Traceback" not in done.stderr
