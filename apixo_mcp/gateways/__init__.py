"""Who makes it: the HTTP APIs that sell generations, behind one protocol."""
