"""How flows are found in a file or module: by running it, with every stray call of a flow held back.

Imports work as in `python flows/poke.py`: the file's own folder comes first on the path; the root comes after it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from homeport.engine import current
from homeport.flows import Flow, FunctionFlow

_before: tuple[list[str], frozenset[str]] = ([], frozenset())
"""What the last file left: folders on the path, modules from them."""


class FlowNotFound(LookupError):  # noqa: N818 - named for what happened
    """The file or module was run, and has no such flow."""


def load_flows(path_or_module: str | Path, root: Path | None = None) -> list[Flow]:
    """The flows that a file (a path) or a module (a dotted name) defines, in the order of their variables.

    Each has its `variable` and `entrypoint_file` set. What the code raises is raised.
    """
    module, file = _run(path_or_module, root)
    found: dict[int, Flow] = {}
    for variable, value in vars(module).items():
        if isinstance(value, Flow) and id(value) not in found and _is_own(value, module):
            value.variable, value.entrypoint_file = variable, file
            found[id(value)] = value
    return list(found.values())


def load_flow(entrypoint: str, root: Path) -> Flow:
    """The flow that `flows/poke.py:poke_flow` or `package.module:flow` names, below `root`.

    Raises FlowNotFound, naming the flows there are; FileNotFoundError; and what the code itself raises.
    """
    place, _, variable = entrypoint.rpartition(":")
    if not place or not variable:
        raise FlowNotFound(f"Entrypoint {entrypoint!r} is not of the form 'file.py:variable' or 'module:variable'.")
    source: str | Path = root / place if place.endswith(".py") else place
    module, file = _run(source, root)
    flow = getattr(module, variable, None)
    if not isinstance(flow, Flow):
        there = [name for name, value in vars(module).items() if isinstance(value, Flow)]
        what = "is not there" if flow is None else f"is of type {type(flow).__name__}"
        raise FlowNotFound(f"{place} has no flow {variable!r}: it {what}. Its flows: {', '.join(there) or 'none'}.")
    flow.variable, flow.entrypoint_file = variable, file
    return flow


def _run(path_or_module: str | Path, root: Path | None) -> tuple[ModuleType, Path | None]:
    is_file = isinstance(path_or_module, Path) or path_or_module.endswith(".py") or "/" in path_or_module
    path = Path(path_or_module).absolute() if is_file else None
    if path is not None and not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    folders = [str(path.parent)] if path is not None else []
    if root is not None and str(root.absolute()) not in folders:
        folders.append(str(root.absolute()))
    elif root is None and path is None:
        folders.append(str(Path.cwd()))
    with _importing_from(folders):
        if path is not None:
            return _run_file(path), path
        module = importlib.import_module(str(path_or_module))
        file = getattr(module, "__file__", None)
        return module, Path(file).absolute() if file else None


def _run_file(path: Path) -> ModuleType:
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"homeport_flow_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


@contextmanager
def _importing_from(folders: list[str]) -> Iterator[None]:
    """Put folders first on the path, where they stay: user code may import while it runs, too."""
    global _before
    _forget_last_file()
    known = frozenset(sys.modules)
    added = [folder for folder in folders if folder not in sys.path]
    sys.path[:0] = added
    importlib.invalidate_caches()
    collecting, outer_run, building = (
        current.collecting.set(True),
        current.flow_run.set(None),
        current.building.set(None),
    )
    try:
        yield
    except SystemExit as error:
        ended = ImportError(f"The code called sys.exit({error.code!r}) while it was loaded.")
        raise ended.with_traceback(error.__traceback__) from error
    finally:
        current.building.reset(building)
        current.flow_run.reset(outer_run)
        current.collecting.reset(collecting)
        _before = (added, _modules_below(folders) - known)


def _forget_last_file() -> None:
    # Two files in two folders may each import their own `common.py`.
    folders, modules = _before
    for name in modules:
        sys.modules.pop(name, None)
    for folder in folders:
        if folder in sys.path:
            sys.path.remove(folder)


def _modules_below(folders: list[str]) -> frozenset[str]:
    def lies_below(module: ModuleType) -> bool:
        file = getattr(module, "__file__", None) or ""
        return "site-packages" not in file and any(file.startswith(f"{folder}/") for folder in folders)

    return frozenset(name for name, module in list(sys.modules.items()) if lies_below(module))


def _is_own(flow: Flow, module: ModuleType) -> bool:
    """Whether the module made the flow, or had it made; not whether it imported it from where it belongs."""
    if isinstance(flow, FunctionFlow):
        return flow.__module__ == module.__name__
    if flow.entrypoint_file is not None and str(flow.entrypoint_file) == getattr(module, "__file__", None):
        return True
    others = [other for other in list(sys.modules.values()) if other is not module and isinstance(other, ModuleType)]
    return not any(value is flow for other in others for value in list(vars(other).values()))


def why_not_loaded(error: BaseException) -> str:
    """The error with the line of the user's file that raised it."""
    import traceback

    import homeport

    # Of Python's own library only what was called from here is there, and names nothing that anybody could mend.
    ours = (str(Path(homeport.__file__).parent), str(Path(traceback.__file__).parent) + os.sep, "<")
    text = f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    while frames and frames[0].filename.startswith(ours):
        del frames[0]
    while frames and frames[-1].filename.startswith(ours) and "site-packages" not in frames[-1].filename:
        del frames[-1]
    cause = error.__cause__
    if not frames and cause is not None:
        return f"{text} {why_not_loaded(cause)}" if str(cause) not in text else text
    return f"{text}\n    in {frames[-1].filename}, line {frames[-1].lineno}: {frames[-1].line}" if frames else text
