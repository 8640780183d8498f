"""The commands, one a file, each loaded when it runs."""
