"""How what a task needs travels to another process: by cloudpickle, with what it cannot do taken care of or named."""

from __future__ import annotations

import importlib
import importlib.util
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import cloudpickle

from homeport.engine.outgoing import PIECE, Nowhere, Outgoing, Pieces

if TYPE_CHECKING:
    from typing_extensions import Buffer

ATOMS = frozenset({type(None), bool, int, float, str, bytes})
"""Types whose values need no care: they may travel in a message as they are."""

_variables: dict[str, ContextVar[Any]] = {}


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, and context variables: they arrive as variables of the same name."""

    def __init__(self, file: Outgoing | Nowhere) -> None:
        super().__init__(file, protocol=5)
        self.variables: list[ContextVar[Any]] = []

    def reducer_override(self, value: Any) -> Any:
        if type(value) is ContextVar:
            self.variables.append(value)
            return context_variable, (value.name,)
        if isinstance(value, BaseException):
            # Its own way, whatever a library has registered: tblib's, which Dask installs, loses what __init__ sets.
            return value.__reduce_ex__(5)
        return super().reducer_override(value)


def context_variable(name: str) -> ContextVar[Any]:
    """The variable of this name, in a process where functions arrive by value."""
    return _variables.setdefault(name, ContextVar(name))


def dump(value: Any, into: Outgoing) -> None:
    """Pickle the value into the file; raises whatever its parts raise that cannot be pickled, and TooLarge."""
    _Pickler(into).dump(value)


def dumps(value: Any, limit: int = 0) -> bytes:
    """The value as bytes; raises whatever its parts raise that cannot be pickled, and TooLarge above the limit."""
    return dumps_with_variables(value, limit)[0]


def dumps_with_variables(value: Any, limit: int = 0) -> tuple[bytes, list[ContextVar[Any]]]:
    """The value as bytes, and the context variables that it refers to."""
    file = Outgoing(limit)
    pickler = _Pickler(file)
    pickler.dump(value)
    return file.rest(), pickler.variables


loads: Callable[[Buffer], Any] = pickle.loads


def loads_pieces(pieces: list[Buffer]) -> Any:
    """The value whose bytes came in these pieces. The list is emptied: each is let go of when it has been read."""
    return pickle.load(io.BufferedReader(Pieces(pieces), PIECE))  # noqa: S301 - of a process of our own


def travels_as_it_is(value: Any, limit: int) -> bool:
    """Whether a value may travel in a message without being pickled for itself: it is plain, and not large."""
    kind = type(value)
    return kind in ATOMS and ((kind is not str and kind is not bytes) or len(value) <= min(PIECE, limit or PIECE))


def why_not(value: Any, limit: int = 0) -> str | None:
    """Why the value cannot be pickled, or is too large; None if it can be."""
    try:
        _Pickler(Nowhere(limit)).dump(value)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def culprit(value: Any, path: str, depth: int = 4) -> tuple[str, Any]:
    """The innermost part of a value that cannot be pickled, as `path['key'][3].attribute`, and the part itself."""
    for key, part in _parts(value) if depth else ():
        if type(part) not in ATOMS and why_not(part) is not None:
            return culprit(part, path + key, depth - 1)
    return path, value


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))
    elif not isinstance(value, type | ModuleType | FunctionType) and isinstance(getattr(value, "__dict__", None), dict):
        yield from ((f".{name}", part) for name, part in vars(value).items())


def free_names(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function uses from outside: its closure, and the globals that it names."""
    function = getattr(function, "__func__", function)
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        return {}
    found = {name: function.__globals__[name] for name in _global_names(code) if name in function.__globals__}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue  # not assigned yet
    return found


def _global_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


# Functions by reference, where the worker can import them.

_importable: dict[str, bool] = {}


def reference_to(function: Callable[..., Any]) -> tuple[str, str] | None:
    """Module and name under which another process finds the task of this function; None if it has to travel whole."""
    module_name, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module_name is None or module_name == "__main__" or "<locals>" in name or not is_importable(module_name):
        return None
    found: Any = sys.modules.get(module_name)
    for part in name.split("."):
        found = getattr(found, part, None)
    return (module_name, name) if getattr(found, "run", None) is function or found is function else None


def is_importable(name: str) -> bool:
    """Whether `import name` in another process with the same path would find the module that has this name here."""
    known = _importable.get(name)
    if known is None:
        known = _importable[name] = _is_importable(name)
        if not known and name in sys.modules:
            # Whatever else of it a task uses has to travel whole, too.
            cloudpickle.register_pickle_by_value(sys.modules[name])
    return known


def _is_importable(name: str) -> bool:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None:
        return module is not None and getattr(module, "__spec__", None) is not None
    folder, package = None, name.rpartition(".")[0]
    if package:
        if package not in sys.modules or not is_importable(package):
            return False
        folder = getattr(sys.modules[package], "__path__", None)
    for finder in sys.meta_path:
        spec = finder.find_spec(name, folder)
        if spec is not None:
            return bool(spec.origin == file)
    return False


def function_at(module: str, name: str) -> Callable[..., Any]:
    """The function of the task that has this name in this module; or the function itself."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = getattr(found, "run", found)
    return function
