"""One module a model family. Each has a `MODELS` tuple; adding a file here is all it takes to add a model."""
