"""What is left behind when code is packed: a few defaults, and what .homeportignore names (gitignore syntax).

A pattern of the user wins over a default, so `!.env` sends a .env after all (with a warning).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from homeport.code.errors import PackingError

IGNORE_FILE = ".homeportignore"

DEFAULTS = (
    ".git/",
    ".hg/",
    ".svn/",
    "__pycache__/",
    "*.py[co]",
    ".venv/",
    "venv/",
    "node_modules/",
    ".env",
    ".env.*",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".hypothesis/",
    ".ipynb_checkpoints/",
    ".tox/",
    ".nox/",
    ".idea/",
    ".vscode/",
    "*.egg-info/",
    ".DS_Store",
    "Thumbs.db",
    "*.sw[op]",
)

Ignored = Callable[[str, bool], bool]
"""(path from the root with /, is it a folder) -> is it left behind"""


def rules(root: Path) -> Ignored:
    """The test for what to leave behind in the tree at `root`; raises PackingError for a pattern it cannot read."""
    from pathspec import GitIgnoreSpec

    try:
        spec = GitIgnoreSpec.from_lines([*DEFAULTS, *_lines(root / IGNORE_FILE)])
    except ValueError as error:
        raise PackingError(f"{root / IGNORE_FILE}: {error}") from error

    def ignored(path: str, folder: bool) -> bool:
        return spec.match_file(path + "/" if folder else path)

    return ignored


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise PackingError(f"{file} cannot be read: {error}") from error
