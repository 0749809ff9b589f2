"""Module path of 1.x."""

from homeport.engine.edges import Edge

__all__ = ["Edge"]
