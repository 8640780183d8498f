"""How people and their clients sign in."""
