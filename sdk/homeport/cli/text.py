"""Text for a terminal: what somebody named a flow must not move the cursor; and how wide it will be."""

from __future__ import annotations

import re
import unicodedata

# Colours are let through in log lines; everything else that a terminal would obey is shown instead of obeyed.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Besides the C0 and C1 controls: the marks that reverse the direction of the text around them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(value: str) -> str:
    """The text with control characters written out."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", value) if _CONTROL.search(value) else value


def harmless_log(value: str, *, colour: bool) -> str:
    """A log line: colours kept (or removed), other control characters written out."""
    if "\x1b" not in value:
        return harmless(value)
    parts = _COLOUR.split(value)
    codes = _COLOUR.findall(value) if colour else [""] * (len(parts) - 1)
    shown = "".join(harmless(part) + code for part, code in zip(parts, [*codes, ""], strict=True))
    return shown + ("\x1b[0m" if colour and codes else "")


def one_line(value: str) -> str:
    """The text without tabs and line ends, as a cell of a table needs it."""
    return harmless(re.sub(r"[\t\r\n]+", " ", value))


def width(value: str) -> int:
    """Columns on a terminal."""
    if value.isascii():
        return len(value)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in value
    )


def shortened(value: str, columns: int) -> str:
    """The text cut to so many columns, with an ellipsis for what is missing."""
    if width(value) <= columns:
        return value
    kept = ""
    for character in value:
        if width(kept + character) >= columns:
            break
        kept += character
    return kept + "…"
