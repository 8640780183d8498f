"""The sandbox as a running server: inside an event loop, or for the command line."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from apixo_mcp.sandbox.app import SandboxApp


class Sandbox:
    """A sandbox served over real HTTP while its context is open.

    Example:
        async with Sandbox(speed=50) as box:
            ...  # point APIXO_BASE_URL and RUXA_BASE_URL at box.url

    Args:
        speed: By what factor time runs faster.
        port: The port to listen on; 0 for any free one.
        host: The address to listen on.
        data_dir: Where tasks and log are kept over a restart; in memory when left out.
        expiry_seconds: How long result URLs live after their task; 24 h when left out.
        public_url: What result URLs begin with; where the submit arrived when left out.
        balance: What every key has to spend.
    """

    def __init__(
        self,
        speed: float = 1.0,
        port: int = 0,
        host: str = "127.0.0.1",
        data_dir: Path | None = None,
        *,
        expiry_seconds: float | None = None,
        public_url: str | None = None,
        balance: float = 100.0,
    ) -> None:
        self._address = (host, port)
        self._options: dict[str, Any] = {
            "speed": speed,
            "data_dir": data_dir,
            "expiry_seconds": expiry_seconds,
            "public_url": public_url,
            "balance": balance,
        }
        self._app: SandboxApp | None = None
        self._exits = contextlib.AsyncExitStack()
        self._last_log: list[dict[str, Any]] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        from apixo_mcp.net.uvicorn_server import listen, listening
        from apixo_mcp.sandbox.app import build_app

        app = build_app(**self._options)
        host, port = self._address
        try:
            listener = listen(host, port)
            port = listener.getsockname()[1]
            await self._exits.enter_async_context(listening(app, listener, lifespan=True, finishing=0.0))
        except BaseException:
            app.backend.store.close()
            raise
        self._app = app
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        app, self._app = self._app, None
        try:
            await self._exits.aclose()
        finally:
            if app is not None:
                self._last_log = app.backend.store.log()
                app.backend.store.close()

    @property
    def app(self) -> SandboxApp:
        """The application being served."""
        if self._app is None:
            raise RuntimeError("the sandbox is not running: use it as `async with Sandbox(...) as box`")
        return self._app

    def log(self) -> list[dict[str, Any]]:
        """Returns every request seen, oldest first; after the end, those seen until then."""
        return self.app.backend.store.log() if self._app is not None else list(self._last_log)

    def submits(self) -> list[dict[str, Any]]:
        """Returns the submits that were accepted, each a paid task, whether or not an answer reached the client."""
        return [entry for entry in self.log() if entry["route"] == "submit" and entry["paid"]]

    def looks(self) -> list[dict[str, Any]]:
        """Returns every look at a task."""
        return [entry for entry in self.log() if entry["route"] == "look"]

    def scenario(self, *faults: dict[str, Any]) -> None:
        """Puts faults in force: ``{"route", "do", "times"?, "match"?}`` each."""
        self.app.backend.faults.add(faults)

    def reset(self) -> None:
        """Forgets tasks, log, scenario and made files."""
        self.app.backend.reset()
        self.app.shelf.clear()


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    speed: float = 1.0,
    data_dir: Path | None = None,
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serves until interrupted, printing nothing.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 for any free one.
        speed: By what factor time runs faster.
        data_dir: Where tasks and log are kept over a restart.
        on_ready: Called with the URL once requests are answered.
    """
    import asyncio

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with Sandbox(speed, port, host, data_dir) as box:
            with _on_signals(lambda: loop.call_soon_threadsafe(stop.set)):
                if on_ready is not None:
                    on_ready(box.url)
                await stop.wait()

    asyncio.run(main())


@contextlib.contextmanager
def _on_signals(act: Callable[[], object]) -> Generator[None]:
    def handle(number: int, frame: FrameType | None) -> None:
        act()

    kinds = [signal.SIGINT, signal.SIGTERM]
    before = {kind: signal.signal(kind, handle) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
