"""What is left behind when code is packed: a few defaults, and what .homeportignore names (gitignore syntax).

A pattern of the user wins over a default, so `!.env` sends a .env after all (with a warning).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from homeport.code.errors import PackingError

IGNORE_FILE = ".homeportignore"

DEFAULTS = (
    ".git",  # a file in a submodule, and in a second working tree
    ".hg/",
    ".svn/",
    "__pycache__/",
    "*.pyc",
    "*.pyo",
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
    "*.swp",
    "*.swo",
    # Deployments are about the code: a new schedule is no new version of it.
    "*-deployment.yaml",
    "*-deployment.yml",
    "*-deployments.yaml",
    "*-deployments.yml",
)

Ignored = Callable[[str, bool], bool]
"""(path from the root with /, is it a folder) -> is it left behind"""


def rules(root: Path) -> Ignored:
    """The test for what to leave behind in the tree at `root`; raises PackingError for a pattern it cannot read.

    It is made for a walk from the root that does not go into what is ignored: a path below an ignored folder is not
    asked for.
    """
    try:
        return _compiled((*DEFAULTS, *_lines(root / IGNORE_FILE)))
    except ValueError as error:
        raise PackingError(f"{root / IGNORE_FILE}: {error}") from error


@lru_cache(maxsize=16)
def _compiled(lines: tuple[str, ...]) -> Ignored:
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(lines)
    may_be_named, others = _names_and_others(lines)
    other_patterns = GitIgnoreSpec.from_lines(others)

    def ignored(path: str, folder: bool) -> bool:
        # Nearly every path matches nothing. One look says so; matching pattern by pattern takes longer than reading
        # the file would.
        full = path + "/" if folder else path
        if not may_be_named(path.rpartition("/")[2]) and not (others and other_patterns.match_file(full)):
            return False
        return spec.match_file(full)

    return ignored


def _names_and_others(lines: Iterable[str]) -> tuple[Callable[[str], object], list[str]]:
    """One expression for the patterns that are a plain name (`*.pyc`, `venv/`), and all other patterns that ignore."""
    names: list[str] = []
    others: list[str] = []
    for line in lines:
        pattern = line.strip()
        if not pattern or pattern.startswith(("#", "!")):
            continue
        name = pattern.removesuffix("/")
        if any(special in name for special in ("/", "\\", "[", "**")):
            others.append(line)
        else:
            names.append(name)
    return re.compile("|".join(fnmatch.translate(name) for name in names)).match, others


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise PackingError(f"{file} cannot be read: {error}") from error
