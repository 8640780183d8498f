"""Tells an address of the operator's what has ended, in signed messages: Standard Webhooks."""
