"""The commands, and the only printing."""
