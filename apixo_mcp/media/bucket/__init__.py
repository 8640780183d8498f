"""Files in a bucket of an object store, which several machines share. Loaded only where `APIXO_MCP_RESULTS` is set."""
