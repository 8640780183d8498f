"""What a terminal is: what it can show, how wide it is, and Ctrl-C."""
