"""The server's own log: plain lines for people, JSON lines for collectors; never a secret in either."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Final

_SECRETS: Final = re.compile(r"(hp_[a-z]+_[0-9a-f]{4})[0-9a-f_]+|(?<=://)([^/@\s:]+):[^/@\s]+(?=@)")


def mask(text: str) -> str:
    """The text with keys and passwords in URLs made unreadable."""
    return _SECRETS.sub(lambda found: f"{found[1]}…" if found[1] else f"{found[2]}:…", text)


class _TextFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)  # the log tells UTC
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


class _JsonFormatter(_TextFormatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return mask(json.dumps(line))


def configure(log_format: str) -> None:
    """Everything to stderr in this format; libraries only when they warn."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("homeport").setLevel(logging.INFO)
    # What goes wrong inside an operation is logged by us, with a number; not a second time with a traceback.
    logging.getLogger("strawberry").setLevel(logging.CRITICAL)
    # A database that is away is said by whoever needed it.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
