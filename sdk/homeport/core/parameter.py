"""Module path of 1.x."""

from homeport.parameters import DateTimeParameter, Parameter

__all__ = ["DateTimeParameter", "Parameter"]
