"""The work of the tools: a function each, from the arguments that were read to the answer."""
