"""Runs in the image's files, as its user: starts the server as the image does, asks its health check, and ends it.

python inside.py '{"Entrypoint": […], "Cmd": […], "Healthcheck": {"Test": ["CMD", …]}, "StopSignal": "SIGTERM"}'
"""

import json
import os
import signal
import subprocess
import sys
import time

LONGEST = 60.0  # seconds until the server must be well, and until it must have ended


def main() -> None:
    image = json.loads(sys.argv[1])
    assert os.getuid() == 10001, os.getuid()
    if os.access("/opt/apixo-mcp", os.W_OK) or not os.statvfs("/opt/apixo-mcp").f_flag & os.ST_RDONLY:
        raise SystemExit("the image's files can be written to")
    os.environ |= {"APIXO_MCP_PUBLIC_URL": "https://team.example", "APIXO_MCP_TRUSTED_PROXIES": "10.201.64.2"}
    env = os.environ | {"APIXO_MCP_HOME": "/data/sandbox"}  # where a server with the sandbox keeps its owners
    subprocess.run(["apixo-mcp", "owners", "add", "alice"], env=env, check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen([*image["Entrypoint"], *image["Cmd"], "--sandbox"], stderr=subprocess.DEVNULL)
    check = image["Healthcheck"]["Test"][1:]
    end = time.monotonic() + LONGEST
    while subprocess.run(check, stderr=subprocess.DEVNULL).returncode != 0:
        if server.poll() is not None or time.monotonic() > end:
            raise SystemExit("the server is not well")
        time.sleep(0.2)
    server.send_signal(getattr(signal, image["StopSignal"]))
    if server.wait(LONGEST) != 0:
        raise SystemExit(f"the server ended with {server.returncode}")
    if subprocess.run(check, stderr=subprocess.DEVNULL).returncode == 0:
        raise SystemExit("the health check is content with a server that is gone")
    subprocess.run(["apixo-mcp", "demo", "--output", "/tmp/demo"], check=True, stderr=subprocess.DEVNULL)
    # What a database and a bucket take is in the image.
    env = os.environ | {"APIXO_API_KEY": "sk-inside", "APIXO_MCP_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    done = subprocess.run(["apixo-mcp", "worker"], env=env, check=False, capture_output=True, text=True)
    if "Check that the server runs and can be reached" not in done.stderr:
        raise SystemExit(f"a worker does not try its database: {done.stderr}")
    subprocess.run(["python", "-c", "import obstore, procrastinate"], check=True)


if __name__ == "__main__":
    main()
