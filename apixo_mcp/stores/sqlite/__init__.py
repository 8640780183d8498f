"""The task store on SQLite: one file, its schema, its lock, and what is done about damage."""
