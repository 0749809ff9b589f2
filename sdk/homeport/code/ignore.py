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
    names, folders, others = _sorted_out(lines)
    if not others:  # nearly every project: to load what knows all of git's syntax takes as long as all else here
        a_name, a_folder = _one_of(names), _one_of(folders)

        def named(path: str, folder: bool) -> bool:
            name = path.rpartition("/")[2]
            return bool(a_name(name)) or (folder and bool(a_folder(name)))

        return named

    from pathspec import GitIgnoreSpec

    may_be_named = _one_of([*names, *folders])
    spec = GitIgnoreSpec.from_lines(lines)
    other_patterns = GitIgnoreSpec.from_lines(line for line in others if not line.lstrip().startswith("!"))

    def ignored(path: str, folder: bool) -> bool:
        # Nearly every path matches nothing. One look says so; matching pattern by pattern takes longer than reading
        # the file would.
        full = path + "/" if folder else path
        if not may_be_named(path.rpartition("/")[2]) and not other_patterns.match_file(full):
            return False
        return spec.match_file(full)

    return ignored


def _sorted_out(lines: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    """The patterns that are a plain name (`*.pyc`), those of a folder's (`venv/`), and all others."""
    names: list[str] = []
    folders: list[str] = []
    others: list[str] = []
    for line in lines:
        name = line.rstrip().removesuffix("/")
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] in "! " or not name or any(special in name for special in ("/", "\\", "[", "**", "\t")):
            others.append(line)
        else:
            (folders if line.rstrip().endswith("/") else names).append(name)
    return names, folders, others


def _one_of(names: Iterable[str]) -> Callable[[str], object]:
    return re.compile("|".join(fnmatch.translate(name) for name in names) or r"(?!)").match


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise PackingError(f"{file} cannot be read: {error}") from error
