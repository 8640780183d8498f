"""Turning the media that a caller gives into URLs that a gateway can fetch."""
