"""The pages that people see: what all of them have, and the language that each is in."""
