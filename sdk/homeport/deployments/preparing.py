"""Deployments against the code they name: the flow is loaded, its parameters are compared, its files are hashed.

Nothing is sent here but questions. What is wrong is told with the line of the deployment's file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.deployments.prefect_yaml import merged
from homeport.deployments.problems import InvalidDeployment, Problem
from homeport.deployments.reading import Described

if TYPE_CHECKING:
    from homeport.blocks.kept import Ask
    from homeport.code import CodeTree
    from homeport.config import Settings
    from homeport.flows import Flow
    from homeport.registration import Source


@dataclass(frozen=True)
class Prepared:
    """A deployment that can be stored and registered: its flow, its files, and what opens the storage for them."""

    described: Described
    flow: Flow
    source: Source
    tree: CodeTree
    reference: dict[str, Any]
    project: str
    queue: str
    run_config: dict[str, Any] | None
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        """Flow and deployment, as they are named in commands: hello-world/demo_smb."""
        return f"{self.flow.name}/{self.described.specification.name}"

    @property
    def storage_name(self) -> str:
        """The storage as a person knows it: smb/test, or the folder."""
        return str(self.reference.get("block") or self.reference.get("path") or self.reference["kind"])


@dataclass
class Preparation:
    """Prepares deployments; flows and trees that several share are loaded and hashed once."""

    settings: Settings
    ask: Ask
    project: str | None = None
    _flows: dict[tuple[Path, str], Flow] = field(default_factory=dict)
    _trees: dict[tuple[Path, str], CodeTree] = field(default_factory=dict)
    _references: dict[tuple[str | None, str], dict[str, Any]] = field(default_factory=dict)

    def prepare(self, all_of_them: Sequence[Described]) -> list[Prepared]:
        """Each of them ready to be stored; raises InvalidDeployment with the problems of all, and ClientError."""
        made: list[Prepared] = []
        problems: list[Problem] = []
        for one in all_of_them:
            try:
                made.append(self._one(one))
            except InvalidDeployment as error:
                problems += error.problems
        if problems:
            raise InvalidDeployment(problems)
        return made

    def _one(self, one: Described) -> Prepared:
        said = one.specification
        flow = self.flow(one)
        problems = list(wrong_parameters(one, flow))
        if said.flow is not None and said.flow != flow.name:
            mend = f"Write flow: {flow.name} (or take the line out), or name another entrypoint."
            problems.append(Problem(one.at("flow"), f"the flow of {said.entrypoint} is called {flow.name!r}", mend))
        run_config, labels = self._runs_on(one, flow, problems)
        if problems:
            raise InvalidDeployment(problems)
        reference = self._reference(one, flow)
        source = self._source(one, flow)
        return Prepared(
            one,
            flow,
            source,
            self._tree(one, source.root, reference),
            reference,
            self.project or said.project or self.settings.project,
            said.queue or self.settings.queue,
            run_config,
            labels,
        )

    def flow(self, one: Described) -> Flow:
        """The flow that the entrypoint names, loaded as an agent would; raises InvalidDeployment."""
        key = (one.base.resolve(), one.specification.entrypoint)
        if key not in self._flows:
            self._flows[key] = load(one.specification.entrypoint, one.base, one.at("entrypoint"))
        return self._flows[key]

    def _runs_on(
        self, one: Described, flow: Flow, problems: list[Problem]
    ) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """The run config, and the labels that an agent must have."""
        said = one.specification
        if said.infrastructure is None and (flow.run_config is not None or not said.overrides):
            if said.overrides:
                mend = "Write an `infrastructure` into the file, or take the overrides out."
                problems.append(Problem(one.at("overrides", key=True), "the flow itself says what runs it", mend))
            return flow.run_config_dict(), tuple(sorted({*flow.labels, *said.labels}))
        try:
            fields = overridden(one, self._infrastructure(one))
        except InvalidDeployment as error:
            problems += error.problems
            return None, ()
        config = fields.run_config()
        return config.to_dict(), tuple(sorted({*config.labels, *said.labels}))

    def _infrastructure(self, one: Described) -> dict[str, Any]:
        said = one.specification.infrastructure
        if not isinstance(said, str):
            return described_infrastructure(one)
        from homeport.blocks import BlockError, BlockNotFound, load_block
        from homeport.deployments.specification import INFRASTRUCTURE

        place = one.at("infrastructure")
        try:
            block = load_block(said, ask=self.ask)
        except (BlockNotFound, BlockError) as error:
            raise InvalidDeployment([Problem(place, str(error.message), error.hint or "")]) from error
        if block.type not in INFRASTRUCTURE:
            mend = f"Infrastructure is of type {', '.join(INFRASTRUCTURE)}; a storage is named by `storage`."
            raise InvalidDeployment([Problem(place, f"the block {block.slug} is no infrastructure", mend)])
        return {"type": block.type, **block.fields}

    def _reference(self, one: Described, flow: Flow) -> dict[str, Any]:
        from homeport.blocks import BlockError, BlockNotFound
        from homeport.code import CodeError
        from homeport.code.storage import below, storage_class
        from homeport.deployments.specification import INFRASTRUCTURE
        from homeport.registration import storage_reference

        block, subfolder = _storage_of(one)
        place = one.at("storage")
        if block is not None and block.partition("/")[0] in INFRASTRUCTURE:
            raise InvalidDeployment([Problem(place, f"the block {block} is no storage", "See: homeport block ls")])
        key = (block, "" if block else repr(flow.storage))
        try:
            if key not in self._references:
                self._references[key] = storage_reference(
                    flow, self.settings.storage, block=self.settings.storage_block, instead=block, ask=self.ask
                )
            reference = self._references[key]
            if not subfolder:
                return reference
            below(storage_class(reference["kind"]), {**reference, "subfolder": subfolder})
            return {**reference, "subfolder": subfolder}
        except (BlockNotFound, BlockError) as error:
            raise InvalidDeployment([Problem(place, str(error.message), error.hint or "")]) from error
        except CodeError as error:
            raise InvalidDeployment(
                [Problem(one.at("path" if one.specification.path else "storage"), str(error))]
            ) from error

    def _source(self, one: Described, flow: Flow) -> Source:
        from homeport.code import CodeError
        from homeport.registration import RegistrationError, source_of_file, source_of_module

        place, _, _ = one.specification.entrypoint.rpartition(":")
        root = one.base if one.specification.root else None
        try:
            if _is_file(place):
                return source_of_file(flow, one.base / place, root)
            assert flow.entrypoint_file is not None, "an imported module has a file"
            return source_of_module(flow, place, Path(flow.entrypoint_file), None)
        except (RegistrationError, CodeError) as error:
            raise InvalidDeployment([Problem(one.at("entrypoint"), str(error))]) from error

    def _tree(self, one: Described, root: Path, reference: dict[str, Any]) -> CodeTree:
        from homeport.code import CodeError
        from homeport.registration import code_of

        key = (root, str(reference["path"]) if reference["kind"] == "folder" else "")
        try:
            if key not in self._trees:
                settings = self.settings
                self._trees[key] = code_of(root, reference, home=settings.home, storage=settings.storage)
        except CodeError as error:
            raise InvalidDeployment([Problem(one.at("entrypoint"), str(error))]) from error
        return self._trees[key]


def load(entrypoint: str, base: Path, place: str) -> Flow:
    """The flow that `demo.py:hello` names below `base`; raises InvalidDeployment that says what there is instead."""
    from homeport.engine.loading import FlowNotFound, load_flow, load_flows, why_not_loaded

    source, _, variable = entrypoint.rpartition(":")
    file = base / source
    if _is_file(source) and not file.is_file():
        raise InvalidDeployment([Problem(place, f"there is no file {file}", _files_beside(file))])
    try:
        return load_flow(entrypoint, base)
    except FlowNotFound as error:
        there = load_flows(file if _is_file(source) else source, base)
        named = [flow for flow in there if flow.name == variable]
        if named:
            mend = f"{variable!r} is the flow's name; the variable is {named[0].variable}: {source}:{named[0].variable}"
        elif there:
            near = difflib.get_close_matches(variable, [str(flow.variable) for flow in there], 1)
            named_near = f"Did you mean {source}:{near[0]}? " if near else ""
            mend = f"{named_near}Its flows: {', '.join(str(flow.variable) for flow in there)}"
        else:
            mend = "It has no flow: a flow is a variable at the top of a file, @flow or Flow(...)"
        raise InvalidDeployment([Problem(place, f"{source} has no flow {variable!r}", mend)]) from error
    except (Exception, SystemExit) as error:
        raise InvalidDeployment([Problem(place, f"{source} cannot be loaded: {why_not_loaded(error)}")]) from error


def _is_file(source: str) -> bool:
    return source.endswith(".py") or "/" in source


def _files_beside(file: Path) -> str:
    beside = sorted(path.name for path in file.parent.glob("*.py")) if file.parent.is_dir() else []
    near = difflib.get_close_matches(file.name, beside, 1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"There are: {', '.join(beside[:8])}" if beside else f"{file.parent} holds no Python file."


def _storage_of(one: Described) -> tuple[str | None, str]:
    """The block, and the folder in its storage, of `smb/test/sub` and `path`."""
    said = one.specification
    kind, _, rest = (said.storage or "").partition("/")
    name, _, folder = rest.partition("/")
    parts = [part.strip("/") for part in (folder, said.path or "") if part.strip("/")]
    return (f"{kind}/{name}" if said.storage else None), "/".join(parts)


def described_infrastructure(one: Described) -> dict[str, Any]:
    """What runs it, where the file itself says so, or says nothing: a process."""
    said = one.specification.infrastructure
    if said is None:
        return {"type": "process"}
    assert not isinstance(said, str), "a block of infrastructure is asked for"
    return said.model_dump(mode="json", exclude_unset=True)


def overridden(one: Described, infrastructure: Mapping[str, Any]) -> Any:
    """The fields of the infrastructure with the overrides on top. Raises InvalidDeployment for what does not fit."""
    from pydantic import ValidationError

    from homeport.deployments.specification import INFRASTRUCTURE

    whole = merged(infrastructure, one.specification.overrides)
    if isinstance(whole.get("env"), dict):
        whole["env"] = {name: str(value) for name, value in whole["env"].items() if value is not None}
    kind = str(whole.get("type"))
    if kind not in INFRASTRUCTURE:
        near = difflib.get_close_matches(kind, INFRASTRUCTURE, 1)
        mend = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(INFRASTRUCTURE)}"
        raise InvalidDeployment([Problem(one.at("overrides", "type"), f"there is no infrastructure {kind!r}", mend)])
    try:
        return INFRASTRUCTURE[kind].model_validate(whole)
    except ValidationError as error:
        known = [name for name in INFRASTRUCTURE[kind].model_fields if name != "type"]
        raise InvalidDeployment([_unfit(one, kind, known, problem) for problem in error.errors()]) from None


def _unfit(one: Described, kind: str, known: Sequence[str], problem: Any) -> Problem:
    """What pydantic says of one field, at its place; the value is not repeated."""
    name = str(problem["loc"][0]) if problem["loc"] else ""
    place = one.at("overrides", *problem["loc"], key=True)
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, known, 1)
        mend = f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known)}"
        return Problem(place, f"the infrastructure {kind} has no field {name!r}", mend)
    where = ".".join(str(part) for part in problem["loc"])
    return Problem(place, f"these overrides do not fit: {where}: {problem['msg'].removeprefix('Value error, ')}")


def wrong_parameters(one: Described, flow: Flow) -> Iterator[Problem]:
    """The parameters that the flow does not take."""
    schema = flow.parameter_schema()
    if schema.get("additionalProperties") is not False:
        return
    said = one.specification.model_dump(mode="json", exclude_unset=True)
    clocks = said.get("schedule") or []
    several = enumerate(clocks) if isinstance(clocks, list) else [(None, clocks)]
    places: list[tuple[tuple[str | int, ...], Mapping[str, Any]]] = [(("parameters",), said.get("parameters", {}))]
    places += [
        (("schedule", *(() if index is None else (index,)), "parameters"), clock.get("parameters") or {})
        for index, clock in several
    ]
    known = list(schema.get("properties", {}))
    for where, given in places:
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                mend = f"Did you mean {near[0]!r}?" if near else f"It takes: {', '.join(known) or 'none'}"
                message = f"the flow {flow.name!r} takes no parameter {name!r}"
                yield Problem(one.at(*where, name, key=True), message, mend)
