"""Module path of 1.x."""

from homeport.flows import Flow

__all__ = ["Flow"]
