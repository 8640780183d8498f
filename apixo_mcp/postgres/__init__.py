"""Connections to Postgres: how one is made, how one that hangs is noticed, and what stands between it and here."""
