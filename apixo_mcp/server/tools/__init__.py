"""The tools: their schemas, how their arguments are read, and what they do."""
