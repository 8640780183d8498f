"""Where files came from: what of a task they may tell, how it gets into them, and who tells it later."""
