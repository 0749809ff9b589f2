"""Loggers under the name where people look for them."""

from __future__ import annotations

import logging

from homeport.run_logging import disable_run_logger, get_run_logger

__all__ = ["disable_run_logger", "get_logger", "get_run_logger"]


def get_logger(name: str | None = None) -> logging.Logger:
    """An ordinary logger below `homeport`; in a run its lines belong to the run, as those of every logger do."""
    return logging.getLogger(f"homeport.{name}" if name else "homeport")
