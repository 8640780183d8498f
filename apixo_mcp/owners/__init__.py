"""Who may come in over HTTP: owners, their tokens, and how they sign in."""
