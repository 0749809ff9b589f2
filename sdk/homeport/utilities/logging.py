"""Module path of 1.x: loggers."""

from homeport.logging import get_logger

__all__ = ["get_logger"]
