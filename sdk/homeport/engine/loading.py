"""How flows are found in a file or module: by running it, with every stray call of a flow held back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.flows import Flow


def load_flows(path_or_module: str | Path) -> list[Flow]:
    """The flows that a file (a path) or a module (a dotted name) defines, each with `variable` and `entrypoint_file`."""
    raise NotImplementedError


def load_flow(entrypoint: str, root: Path) -> Flow:
    """The flow that `flows/poke.py:poke_flow` or `package.module:flow` names, below `root`."""
    raise NotImplementedError
