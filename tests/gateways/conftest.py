"""A TCP server on loopback that answers with exactly the bytes a test gives it."""

from support.tcp import wire as wire
