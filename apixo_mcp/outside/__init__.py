"""What the gateways reach from outside: callbacks and input files, by a public URL or through a tunnel."""
