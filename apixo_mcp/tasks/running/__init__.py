"""One step of one task at a time: under a lease, no faster than the gateway allows."""
