"""Requests as a person types them: inputs, folders, and what several cost together."""
