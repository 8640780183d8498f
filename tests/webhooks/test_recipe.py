"""The receiver of the documents takes what is genuine, once, and nothing else."""

import base64
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from standardwebhooks import Webhook

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
SECRET = f"whsec_{base64.b64encode(bytes(32)).decode()}"


@pytest.mark.process
def test_the_receiver_of_the_documents():
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    environment = {**os.environ, "APIXO_MCP_NOTIFY_SECRET": SECRET, "PORT": "0"}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as hook:
        try:
            assert hook.stdout is not None
            url = f"http://127.0.0.1:{hook.stdout.readline().split()[-1]}/"
            body = '{"type": "task.finished", "data": {"task_id": "tsk_1", "state": "success"}}'
            now = datetime.now(UTC)
            headers = {
                "webhook-id": "msg_1",
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(SECRET).sign("msg_1", now, body),
            }
            old = {**headers, "webhook-timestamp": str(int(time.time()) - 1000)}
            assert (
                httpx2.post(url, content=body.replace("success", "failed"), headers=headers, timeout=60).status_code
                == 401
            )
            assert httpx2.post(url, content=body, headers=old, timeout=60).status_code == 401
            assert [httpx2.post(url, content=body, headers=headers, timeout=60).status_code for _ in range(2)] == [
                204,
                204,
            ]
            assert hook.stdout.readline().split() == ["task.finished", "tsk_1", "success"]
        finally:
            hook.kill()
        assert hook.stdout.read() == "", "each counts once"
