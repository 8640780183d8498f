"""A local imitation of the APIXO and Ruxa AI gateways, over real HTTP and with real media files.

It shares no code with the rest of the package, so that it is a witness to what the client really sends.
Any API key that begins with ``sk-`` is taken; ``sk-bad...`` is refused as wrong, and ``sk-poor...`` has no
money. Faults are asked for by marks in a prompt, such as ``a red fox [look:500x3]``: see ``MARKS``.
"""

from apixo_mcp.sandbox.marks import MARKS
from apixo_mcp.sandbox.server import Sandbox, serve

__all__ = ["MARKS", "Sandbox", "serve"]
