"""Module path of 1.x."""

from homeport.tasks import Task

__all__ = ["Task"]
