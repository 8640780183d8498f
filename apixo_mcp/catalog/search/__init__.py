"""Finding a model by what people call things, in English and Chinese."""
