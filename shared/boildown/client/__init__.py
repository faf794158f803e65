"""A remote engine: `Client` has the two faces of a `Compressor`, and a service behind it."""

from boildown.client.client import Client

__all__ = ["Client"]
