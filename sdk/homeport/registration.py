"""Registering flows: store the code they need in the customer's storage, then tell the control plane without it.

The order matters: the code is stored first, and the control plane learns of a version in one mutation. So a failure on
the way leaves what was registered before as it was, and at most some files in the storage that nothing refers to.
"""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeport.engine import current

if TYPE_CHECKING:
    from homeport.blocks.kept import Ask
    from homeport.client import Client
    from homeport.code import CodeTree, Limits, Stored
    from homeport.config import Settings
    from homeport.flows import Flow


_MADE_WHEN_NEEDED = "default"  # the project that the control plane makes by itself


class RegistrationError(Exception):
    """A flow cannot be registered as it is: the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a flow comes from: the root that travels, and the entrypoint below it."""

    root: Path
    entrypoint: str


@dataclass(frozen=True, slots=True)
class Packed:
    """A tree as it was collected, and where it is kept now."""

    tree: CodeTree
    stored: Stored


@dataclass(frozen=True, slots=True)
class Registered:
    """What the control plane made of a flow; `changed` is False when it had exactly this already."""

    flow_id: str
    flow_name: str
    version: int
    deployment_id: str
    changed: bool


@dataclass
class Registrar:
    """Registers flows into one project. A tree that several flows share is packed and stored once.

    Code goes where the flow says, else to the storage of `block` ("type/name"), else to the folder `storage`;
    `instead` is a block that stands above all three.
    """

    client: Client
    project: str
    storage: Path
    home: Path
    queue: str = "default"
    labels: Sequence[str] = ()
    force: bool = False
    deployment: str = "default"
    schedule_active: bool = True
    block: str | None = None
    instead: str | None = None
    limits: Limits | None = None
    _blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    _stored: dict[tuple[Path, str], Packed] = field(default_factory=dict)

    def check_project(self) -> None:
        """Raises NotFoundError where there is no such project: before code is stored that nothing would refer to."""
        from homeport.client.errors import NotFoundError

        if self.project == _MADE_WHEN_NEEDED:
            return
        if self.client.execute("project", {"name": self.project}, retry_for=2.0)["project"] is None:
            raise NotFoundError(
                f"no project {self.project!r}",
                hint=f"make it: homeport create project {shlex.quote(self.project)}",
                details={"kind": "project", "ref": self.project},
            )

    def store(self, flow: Flow, source: Source) -> Packed:
        """Pack the source's root, store it, and try the import where the kind of storage can.

        Raises CodeError when the code cannot be sent, kept, or imported there; and BlockNotFound.
        """
        from homeport.code import open_storage
        from homeport.code.verification import verify_once

        reference = self.reference(flow)
        opened = open_storage(reference)
        known = (source.root, repr(reference))
        if known not in self._stored:
            tree = code_of(source.root, reference, home=self.home, storage=self.storage, limits=self.limits)
            stored = opened.put(tree)
            told = told_reference(stored.reference, reference)
            self._stored[known] = Packed(tree, replace(stored, reference=told))
        done = self._stored[known]
        verify_once(opened, done.stored, source.entrypoint, self.home)
        return done

    def reference(self, flow: Flow) -> dict[str, Any]:
        """Where the flow's code is to be stored: all that opens the storage. Raises BlockNotFound."""
        described = storage_described(flow, self.storage, block=self.block, instead=self.instead)
        return _complete(described, self._blocks, lambda operation, given: self.client.execute(operation, given))

    def storage_name(self, flow: Flow) -> str:
        """The storage in a word or two: Folder, S3, smb/test."""
        described = storage_described(flow, self.storage, block=self.block, instead=self.instead)
        if "block" in described:
            return str(described["block"])
        return "Folder" if described["kind"] == "folder" else type(flow.storage).__name__

    def register(self, flow: Flow, source: Source, packed: Packed) -> Registered:
        """Tell the control plane; raises a ClientError when it does not answer or refuses."""
        from homeport.client import expect

        given = self._input(flow, source, packed.stored)
        answer = self.client.execute("registerFlow", {"input": given}, retry_for=2.0)
        made = expect(answer["registerFlow"], "FlowRegistered")
        return Registered(
            flow_id=made["flow"]["id"],
            flow_name=made["flow"]["name"],
            version=made["flowVersion"]["number"],
            deployment_id=made["deployment"]["id"],
            changed=made["changed"],
        )

    def _input(self, flow: Flow, source: Source, stored: Stored) -> dict[str, Any]:
        return {
            "project": self.project,
            "deployment": self.deployment,
            "labels": sorted({*flow.labels, *self.labels}),
            "queue": self.queue,
            "runConfig": flow.run_config_dict(),
            "onLost": str(flow.on_lost).upper(),
            "schedule": schedule_of(flow),
            "scheduleActive": self.schedule_active,
            "force": self.force,
            **version_input(flow, source, stored),
        }


def packed(root: Path, home: Path, limits: Limits | None = None, *, leave_out: Iterable[Path] = ()) -> CodeTree:
    """The tree at `root` as it will be sent, without the home folder and what else to leave out.

    The limits are those of the settings unless given; what was hashed before is remembered in the home folder. Raises
    PackingError.
    """
    from homeport.code import collect
    from homeport.code.hashes import Hashes
    from homeport.code.tree import Limits
    from homeport.config import load_settings

    limits = limits or Limits.of(load_settings())
    return collect(root, limits, leave_out=(home, *leave_out), hashes=Hashes(home, root))


def version_input(flow: Flow, source: Source, stored: Stored) -> dict[str, Any]:
    """The part of a RegisterFlowInput that describes a flow's version: the same whatever deployment it is for."""
    import homeport

    return {
        "name": flow.name,
        "description": flow.description or "",
        "entrypoint": source.entrypoint if stored.module is None else _in_module(flow, source, stored.module),
        "parameterSchema": flow.parameter_schema(),
        "graph": flow.graph(),
        "storage": stored.reference,
        "contentDigest": stored.digest,
        "sdkVersion": homeport.__version__,
        "pythonVersion": platform.python_version(),
    }


def _in_module(flow: Flow, source: Source, module: str) -> str:
    """The entrypoint of a flow whose storage says which installed module it is in; raises RegistrationError."""
    import importlib

    variable = source.entrypoint.rpartition(":")[2]
    try:
        found = getattr(importlib.import_module(module), variable, None)
    except ImportError as error:
        raise RegistrationError(f"The module {module} of the flow {flow.name!r} cannot be imported: {error}") from error
    if getattr(found, "name", None) != flow.name:
        raise RegistrationError(
            f"The storage of the flow {flow.name!r} says that it is in the installed module {module}, which has no "
            f"flow {variable!r} of that name. Register it from there (-m {module}), or give it another storage."
        )
    return f"{module}:{variable}"


def schedule_of(flow: Flow) -> dict[str, Any] | None:
    """The flow's own schedule as it is sent; raises RegistrationError for one that cannot be."""
    if flow.schedule is None:
        return None
    try:
        return flow.schedule.to_dict()
    except ValueError as error:
        raise RegistrationError(f"The flow {flow.name!r} cannot be registered: {error}") from error


def source_of_file(flow: Flow, file: Path, root: Path | None) -> Source:
    """The source of a flow that a script defines."""
    from homeport.code import find_root

    file = file.absolute()
    _refuse_other_script(flow, file)
    top = find_root(file, root)
    return Source(top, f"{file.relative_to(top).as_posix()}:{_variable(flow, file)}")


def source_of_module(flow: Flow, module: str, file: Path, root: Path | None) -> Source:
    """The source of a flow that an importable module defines: its root is the folder the import starts from.

    Raises RegistrationError where `root` is another folder.
    """
    file = file.absolute()
    _refuse_other_script(flow, file)
    depth = module.count(".") + (1 if file.name == "__init__.py" else 0)
    top = file.parents[depth]
    if root is not None and root.absolute() != top:
        raise RegistrationError(
            f"The module {module} is imported from {top}, not from {root.absolute()}: give --root {top}, or none."
        )
    return Source(top, f"{module}:{_variable(flow, file)}")


def _refuse_other_script(flow: Flow, file: Path) -> None:
    """1.x uploads the file of `local_script_path`, and loads that of `Local(path=...)` on the agent's machine."""
    storage = flow.storage
    if storage is None or storage.script is None:
        return
    script = storage.script
    if Path(script).expanduser().resolve() != file.resolve():
        of, argument = type(storage).__name__, "path" if storage.kind == "folder" else "local_script_path"
        raise RegistrationError(
            f"The flow {flow.name!r} cannot be registered: its storage says {of}({argument}={str(script)!r}), and it "
            f"is defined in {file}. Here the file that defines a flow travels to the agents. Leave `{argument}` out; "
            f"or, for code that is installed on their machines already, use storage=Module(...)."
        )


def code_of(
    root: Path, reference: dict[str, Any], *, home: Path, storage: Path, limits: Limits | None = None
) -> CodeTree:
    """The files that travel from a root to the storage of this reference, or lie there already; raises CodeError."""
    from homeport.code import InPlace, open_storage
    from homeport.results import limits as results

    opened = open_storage(reference)
    if isinstance(opened, InPlace):
        return opened.installed()
    # Keys, results and stored code may lie below the root (a home folder inside the project), and are no code.
    stored_in = Path(reference["path"]) if reference["kind"] == "folder" else storage
    return packed(root, home, limits, leave_out=(results.of_process().folder, stored_in))


def storage_described(
    flow: Flow, folder: Path, *, block: str | None = None, instead: str | None = None
) -> dict[str, Any]:
    """Where a flow's code is to be stored: `instead` or as the flow says, else in the block, else in the folder.

    Of a block it has the name only; `storage_reference` has all.
    """
    from homeport.code import folder_reference

    if instead is not None:
        return _by_block(instead)
    described: dict[str, Any] = flow.storage.to_dict() if flow.storage is not None else {"kind": "folder"}
    if described["kind"] != "folder" or "block" in described:
        return described  # whether this machine can write to it is said by whoever opens it
    path = described.get("path")
    if block is not None and not path:
        return _by_block(block)
    return folder_reference(Path(path) if path else folder)


def storage_reference(
    flow: Flow, folder: Path, *, block: str | None = None, instead: str | None = None, ask: Ask | None = None
) -> dict[str, Any]:
    """The same with all that opens the storage: what its block says now. Raises BlockNotFound."""
    return _complete(storage_described(flow, folder, block=block, instead=instead), {}, ask)


def told_reference(stored: dict[str, Any], opened: dict[str, Any]) -> dict[str, Any]:
    """What the control plane is told of where code was stored, by a storage that was opened with this reference.

    By a block, that is its name and what `put` found out (a commit, an image's digest): what the block says is looked
    up at each claim, so that a new password's reference or a new host holds for what is registered already.
    """
    if "block" not in opened:
        return stored
    from homeport.blocks.types import block_type

    fields = block_type(stored["kind"]).fields.model_fields
    found_out = {
        name: value
        for name, value in stored.items()
        if name not in opened and not (name in fields and fields[name].get_default(call_default_factory=True) == value)
    }
    return {**found_out, "kind": opened["kind"], "block": opened["block"]}


def _by_block(reference: str) -> dict[str, Any]:
    from homeport.blocks.kept import split

    kind, name = split(reference)
    return {"kind": kind, "block": f"{kind}/{name}"}


def _complete(described: dict[str, Any], known: dict[str, dict[str, Any]], ask: Ask | None) -> dict[str, Any]:
    block = described.get("block")
    if block is None:
        return described
    if block not in known:
        from homeport.blocks.kept import load_block

        known[block] = load_block(block, ask=ask).reference
    return known[block]


def register_flow(
    flow: Flow,
    project_name: str,
    *,
    labels: Iterable[str] = (),
    queue: str | None = None,
    force: bool = False,
    set_schedule_active: bool = True,
    root: Path | str | None = None,
    quiet: bool = False,
    **older: Any,
) -> str:
    """What `flow.register(project_name=...)` does; returns the flow's id.

    Raises RegistrationError, CodeError or ClientError, each saying what to do; TypeError for what 1.x took besides.
    """
    from homeport.client import Client
    from homeport.config import load_settings
    from homeport.spellings import ABSENT_OF_REGISTER, unknown_argument

    for name in older:
        if name in ABSENT_OF_REGISTER:
            raise TypeError(f"flow.register({name}=...): {ABSENT_OF_REGISTER[name]}")
        accepted = {"labels", "queue", "force", "set_schedule_active", "root", "quiet"}
        raise unknown_argument(name, accepted, of=f"register() of flow {flow.name!r}")

    settings = load_settings()
    with Client(settings.api_url, settings.api_key, timeout=settings.timeout_seconds) as client:
        done = register(
            client, flow, project_name, settings, queue=queue, labels=tuple(labels), force=force,
            root=Path(root) if root is not None else None, schedule_active=set_schedule_active,
        )  # fmt: skip
    if not quiet:
        what = f"Version: {done.version}" if done.changed else f"Version: {done.version} (unchanged)"
        sys.stdout.write(f"Registered {flow.name!r}\n└── ID: {done.flow_id}\n└── {what}\n")
    return done.flow_id


def register(
    client: Client,
    flow: Flow,
    project: str,
    settings: Settings,
    *,
    queue: str | None = None,
    labels: tuple[str, ...] = (),
    force: bool = False,
    root: Path | None = None,
    deployment: str = "default",
    schedule_active: bool = True,
    block: str | None = None,
) -> Registered:
    """Store the code of a flow that is defined in a file, and register it; what the control plane made of it.

    `block` is the storage block "type/name" to store in, instead of where the flow says.

    Raises RegistrationError, CodeError or ClientError, each saying what to do.
    """
    from homeport.code import Limits

    source = defining_source(flow, root)
    registrar = Registrar(
        client,
        project,
        settings.storage,
        settings.home,
        queue or settings.queue,
        labels,
        force,
        deployment,
        schedule_active,
        settings.storage_block,
        block,
        Limits.of(settings),
    )
    registrar.check_project()
    return registrar.register(flow, source, registrar.store(flow, source))


def defining_source(flow: Flow, root: Path | None) -> Source:
    """The source of a flow that some file defines; raises RegistrationError, CodeError."""
    return source_of_file(flow, _defining_file(flow), root)


def _defining_file(flow: Flow) -> Path:
    if flow.entrypoint_file is None:
        raise RegistrationError(
            f"The flow {flow.name!r} was not defined in a file (a notebook or a shell), so its code cannot be packed. "
            "Write it to a .py file and register that."
        )
    return Path(flow.entrypoint_file)


def _variable(flow: Flow, file: Path) -> str:
    """The name under which the file holds the flow; a script that registers itself is looked through."""
    if getattr(flow, "variable", None):
        return str(flow.variable)
    for module in _running_from(file):
        for name, value in vars(module).items():
            if value is flow:
                return name
    from homeport.engine.loading import load_flows

    # Not while this very file is being loaded: that would load it again, and again.
    for known in () if current.collecting.get() else load_flows(file):
        if known.name == flow.name and known.variable:
            return str(known.variable)
    raise RegistrationError(
        f"The flow {flow.name!r} is no variable of {file}: assign it at the top of the file, so that agents find it."
    )


def _running_from(file: Path) -> list[ModuleType]:
    """The script that runs, and the modules that were imported from this file or are being imported just now."""
    main = sys.modules.get("__main__")
    modules = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None) == str(file)]
    return modules if main is None else [main, *modules]
