"""Homeport: flows and tasks in plain Python."""

__version__ = "0.1.0"
