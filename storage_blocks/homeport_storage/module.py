"""Code that is installed already where flows run: in the image, or by pip. What is kept is its name and its digest.

`put` sends nothing. `fetch` finds the installed module on the agent, and takes it only if its files are those that were
registered: an agent with another version refuses the run instead of running something else.

The files are those of the package that the module is in (the outermost one with an `__init__.py`), or the one file of a
module that stands alone. Nothing is imported to find them.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from homeport.code.errors import CodeMissing, DigestMismatch, PackingError, StorageError, UnsafeCode
from homeport.code.manifest import CodeFile, Manifest, Mode, is_digest
from homeport.code.storage import CheckReport, CheckStep, LocalFiles, StorageReference, Stored
from homeport.code.tree import CodeTree, collect
from homeport_storage import placing
from homeport_storage.module_fields import ModuleFields

if TYPE_CHECKING:
    from homeport.blocks.fields import BlockFields


@dataclass(frozen=True, slots=True)
class Installed:
    """Where a module's package lies: the folder that imports start from, and the package or file below it."""

    start: Path
    inside: str


class ModuleStorage:
    """An installed module as storage of code. It cannot keep results."""

    kind: ClassVar[str] = "module"

    def __init__(self, fields: ModuleFields) -> None:
        """The storage of this module; nothing is looked for before the first call."""
        self._fields = fields

    @classmethod
    def fields(cls) -> type[BlockFields]:
        """The fields of a block of this kind."""
        return ModuleFields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> ModuleStorage:
        """The module that a reference names; raises UnsafeCode when it is no such reference."""
        return cls(ModuleFields.of_reference(reference))

    @property
    def module(self) -> str:
        """The module's name."""
        return self._fields.module

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        return f"the installed module {self.module}"

    def installed(self) -> CodeTree:
        """The tree that lies here already; raises CodeMissing when it is not installed, PackingError."""
        found = self._found()
        package = found.start / found.inside
        if package.is_file():
            return CodeTree(found.start, Manifest.of([_file(package, found.inside)]))
        tree = collect(package)
        files = [replace(file, path=f"{found.inside}/{file.path}") for file in tree.manifest.files]
        return CodeTree(found.start, Manifest.of(files), tree.warnings)

    def put(self, tree: CodeTree) -> Stored:
        """Record the digest of what is installed; the tree is `installed()`, and nothing is sent."""
        here = self.installed()
        version = self._version()
        reference: StorageReference = {"kind": self.kind, "module": self.module}
        return Stored({**reference, **({"version": version} if version else {})}, here.digest, module=self.module)

    def fetch(self, reference: Mapping[str, Any], digest: str, into: Path, have: LocalFiles | None = None) -> Manifest:
        """Copy the installed files to `into`, if they are those with the digest; see Storage.fetch."""
        if not is_digest(digest):
            raise UnsafeCode(f"{digest!r} is not a code digest (sha256: and 64 hex digits)")
        try:
            here = self.installed()
        except PackingError as error:
            raise StorageError(f"{self.where} cannot be read: {error}") from error
        if here.digest != digest:
            raise DigestMismatch(self._mismatch(here, digest))
        placing.place(here, into, where=self.where)
        return here.manifest

    def check(self) -> CheckReport:
        """Look whether the module is installed here; see Storage.check."""
        try:
            here = self.installed()
        except (StorageError, PackingError) as error:
            step = CheckStep("reachable", False, str(error))
            return CheckReport(self.where, (step,), "install the package that has it, on the agents as well")
        found = f"{len(here.manifest.files)} files in {here.root}, version {self._version() or 'unknown'}"
        steps = (
            CheckStep("reachable", True, found),
            CheckStep("authenticated", None, "not needed"),
            CheckStep("write", None, "not tried: code gets there by being installed"),
            CheckStep("read", True, found),
        )
        return CheckReport(self.where, steps)

    def _mismatch(self, here: CodeTree, digest: str) -> str:
        wanted, installed = self._fields.version or "unknown", self._version() or "unknown"
        distribution = self._distribution() or self.module.partition(".")[0]
        mend = (
            f"Install the registered version on this machine (pip install '{distribution}=={wanted}')"
            if self._fields.version and wanted != installed
            else "The versions are the same and the files are not: install it from the same source on both machines"
        )
        return (
            f"{self.where} was registered in version {wanted} with the digest {digest}; here, in {here.root}, is "
            f"version {installed} with {here.digest}. {mend}, or register the flow again with what is installed here"
        )

    def _found(self) -> Installed:
        importlib.invalidate_caches()  # it may have been installed since this process began
        names = self.module.split(".")
        search: Sequence[str] | None = None
        package: Installed | None = None
        for depth, _ in enumerate(names, 1):
            name = ".".join(names[:depth])
            spec = _spec(name, search)
            if spec is None:
                raise CodeMissing(
                    f"{self.where} is not on this machine: {name} is not found in {sys.prefix}. Install the package "
                    "that has it here and on the agents, or register the flow with a storage that brings its code"
                )
            search = spec.submodule_search_locations
            package = package or _package(spec, name)
        if package is not None:
            return package
        portions = [Path(portion) for portion in search or ()]
        if len(portions) != 1:
            raise PackingError(
                f"{self.where} is a namespace package in {len(portions)} places; name a package in it: {self.module}.x"
            )
        return Installed(portions[0].parents[len(names) - 1], "/".join(names))

    def _distribution(self) -> str | None:
        top = self.module.partition(".")[0]
        names = importlib.metadata.packages_distributions().get(top)
        if names:
            return names[0]
        try:  # an editable install does not say which packages it has; most are named like their package
            return importlib.metadata.distribution(top).name
        except importlib.metadata.PackageNotFoundError:
            return None

    def _version(self) -> str | None:
        distribution = self._distribution()
        return importlib.metadata.version(distribution) if distribution else None


def _file(file: Path, inside: str) -> CodeFile:
    content = file.read_bytes()
    mode: Mode = "755" if file.stat().st_mode & stat.S_IXUSR else "644"
    return CodeFile(inside, mode, hashlib.sha256(content).hexdigest(), len(content))


def _spec(name: str, search: Sequence[str] | None) -> ModuleSpec | None:
    """Where the module is, as the import system finds it (editable installs have finders of their own)."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find(name, search) if find is not None else None
        if spec is not None:
            return spec
    return None


def _package(spec: ModuleSpec, name: str) -> Installed | None:
    """The package or file that the spec is of; None for a namespace, in which packages of others lie, too."""
    if spec.origin is None or not spec.has_location:
        if spec.submodule_search_locations is None:
            raise PackingError(f"{name} is a part of Python itself, and no code that travels")
        return None
    origin, parts = Path(spec.origin).absolute(), name.split(".")
    if not origin.is_file():
        raise PackingError(f"{name} is in an archive ({spec.origin}), from which no files can be taken; unpack it")
    if spec.submodule_search_locations is not None:
        return Installed(origin.parent.parents[len(parts) - 1], "/".join(parts))
    return Installed(origin.parents[len(parts) - 1], "/".join([*parts[:-1], origin.name]))
