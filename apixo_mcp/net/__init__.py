"""The network: the only room that knows the HTTP library."""
