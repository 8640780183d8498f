"""Files: saving results, previews, and turning inputs into URLs."""
