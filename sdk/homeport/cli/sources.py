"""Which files and modules `-p` and `-m` mean, and the flows in them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.cli.failures import USAGE, CommandError

if TYPE_CHECKING:
    from homeport.flows import Flow
    from homeport.registration import Source

_SKIPPED = {"__pycache__", "node_modules", "site-packages"}


@dataclass(frozen=True, slots=True)
class Origin:
    """A file or a module that may define flows."""

    file: Path | None = None
    module: str | None = None

    @property
    def name(self) -> str:
        """As the user knows it."""
        return self.module or _short(self.file)

    def flows(self, root: Path | None = None) -> list[Flow]:
        """The flows it defines, loaded as an agent would. Raises whatever user code raises while it is run."""
        from homeport.engine.loading import load_flows

        if self.module is None:
            from homeport.code import find_root

            assert self.file is not None
            return load_flows(self.file, find_root(self.file, root))
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)  # as `python -m` does
        return load_flows(self.module, root)

    def source(self, flow: Flow, root: Path | None) -> Source:
        """What has to travel for this flow to run elsewhere."""
        from homeport.registration import source_of_file, source_of_module

        if self.module is None:
            assert self.file is not None
            return source_of_file(flow, self.file, root)
        assert flow.entrypoint_file is not None, "an imported module has a file"
        return source_of_module(flow, self.module, flow.entrypoint_file, root)


def origins(paths: Sequence[str], modules: Sequence[str]) -> list[Origin]:
    """What the options mean, in their order, each once; a file named directly is taken whatever its suffix."""
    files: dict[Path, None] = {}
    for path in paths:
        for file in _files(path):
            files[file.absolute()] = None
    return [*(Origin(file=file) for file in files), *(Origin(module=module) for module in modules)]


def _files(path: str) -> list[Path]:
    place = Path(path).expanduser()
    if place.is_dir():
        found = [
            file
            for file in sorted(place.rglob("*.py"))
            if not any(part in _SKIPPED or part.startswith(".") for part in file.relative_to(place).parts)
        ]
    elif place.is_file():
        found = [place]
    else:
        import glob

        # Quoted patterns arrive here; unquoted ones were expanded by the shell.
        names = sorted(glob.glob(str(place), recursive=True))  # noqa: PTH207 - pathlib's takes no absolute pattern
        found = [Path(name) for name in names if Path(name).is_file()]
    if not found:
        raise CommandError(
            f"There is no Python file at {path}.", hint="-p takes a file, a folder or a pattern.", code=USAGE
        )
    return found


def _short(file: Path | None) -> str:
    assert file is not None
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)


def why(error: BaseException) -> str:
    """The error with the line of the user's file that raised it."""
    from homeport.engine.loading import why_not_loaded

    return why_not_loaded(error)
