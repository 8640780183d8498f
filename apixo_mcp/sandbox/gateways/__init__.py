"""Both gateways, imitated."""
