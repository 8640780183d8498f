"""Keeps what stands beside the tasks: alerts, callbacks, durations, owners and more, each a port of its own."""
