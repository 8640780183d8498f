"""The sessions of clients over Streamable HTTP, which outlive the process that opened them."""
