"""The files that the imitated gateways make."""
