"""Module path of 1.x: the base of results."""

from homeport.engine.results import Result

__all__ = ["Result"]
