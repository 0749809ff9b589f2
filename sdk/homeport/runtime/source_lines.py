"""Code stays home: a traceback that leaves the machine names files and lines, and does not quote them.

This is the last gate before a message is sent, so it holds for whatever made the traceback: the engine, a library,
user code that logs `traceback.format_exc()`.
"""

from __future__ import annotations

FRAME = '  File "'
QUOTED = "    "


def without_source(message: str, code_dir: str = "") -> str:
    """The message with the lines of code left out that a traceback quotes below each `File "..."` line.

    Files of the flow's own tree (below `code_dir`) are named from its root.
    """
    if FRAME not in message:
        return message
    kept: list[str] = []
    margin: str | None = None  # of the frame whose code follows; groups of exceptions are indented and barred
    for line in message.split("\n"):
        if margin is not None and line.startswith(margin + QUOTED):
            continue
        at = line.find(FRAME)
        is_frame = at >= 0 and not line[:at].strip(" |+-") and ", line " in line
        margin = line[:at] if is_frame else None
        kept.append(_from_root(line, code_dir) if is_frame else line)
    return "\n".join(kept)


def _from_root(line: str, code_dir: str) -> str:
    return line.replace(f'"{code_dir.rstrip("/")}/', '"', 1) if code_dir else line
