"""What a server on stdio does before it loads the SDK."""

import subprocess
import sys

CODE = """
from apixo_mcp.cli.process.stdio import build_models_when_used
build_models_when_used()
from mcp.types import CreateMessageRequest, JSONRPCRequest
before = CreateMessageRequest.__pydantic_complete__, JSONRPCRequest.__pydantic_complete__
request = JSONRPCRequest.model_validate({"jsonrpc": "2.0", "id": 1, "method": "ping"})
print(*before, JSONRPCRequest.__pydantic_complete__, request.method, request.model_dump_json(exclude_unset=True))
"""


def test_the_models_of_the_sdk_are_built_when_they_are_used() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'False False True ping {"jsonrpc":"2.0","id":1,"method":"ping"}'
