"""From YAML files to deployments: every file is read and every mistake found before anything is done with one."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.deployments import literal_secrets, prefect_yaml
from homeport.deployments.problems import InvalidDeployment, Note, Problem
from homeport.deployments.schedule_forms import WrongSchedule, to_clocks
from homeport.deployments.yaml_documents import Document, Where, read_documents

if TYPE_CHECKING:
    from homeport.deployments.specification import Specification

SUFFIXES = (".yaml", ".yml")
_ALIASES = {"work_queue": "queue", "work_queue_name": "queue", "infra": "infrastructure", "storage_block": "storage"}
_TYPES = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping (name: value)",
    "model_type": "a mapping (name: value)",
    "model_attributes_type": "a mapping (name: value)",
    "datetime_type": "a time such as 2026-01-01T09:00:00Z",
}


@dataclass(frozen=True)
class Described:
    """One deployment as a file (or a person, by options) describes it."""

    file: Path
    document: Document
    within: Where
    specification: Specification
    notes: tuple[Note, ...] = ()

    def at(self, *where: str | int, key: bool = False) -> str:
        """`file:line:column` of a part of it."""
        return self.document.at((*self.within, *where), key=key)

    @property
    def base(self) -> Path:
        """The folder from which its file is found: `root`, else that of the YAML."""
        folder = self.file.absolute().parent
        if not self.specification.root:
            return folder
        # Not resolve(): a link inside the tree keeps its place in it.
        return Path(os.path.normpath(folder / self.specification.root))

    @property
    def clocks(self) -> dict[str, Any] | None:
        """Its schedule as it is sent."""
        return to_clocks(self.specification.model_dump(mode="json", exclude_unset=True).get("schedule"))

    @property
    def says_schedule(self) -> bool:
        """Whether it says when it runs; else the flow does."""
        return "schedule" in self.specification.model_fields_set


@dataclass
class Found:
    """What files hold: deployments, problems, notes, and files of a folder that hold no deployment."""

    deployments: list[Described] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def files_of(paths: Sequence[Path]) -> list[tuple[Path, bool]]:
    """The files that are meant, each once, and whether each was named itself; raises InvalidDeployment."""
    found: dict[Path, bool] = {}
    problems = []
    for path in paths:
        if path.is_dir():
            inside = [
                file
                for file in sorted(path.rglob("*"))
                if file.suffix in SUFFIXES
                and file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            if not inside:
                problems.append(Problem(str(path), "there is no .yaml file in this folder"))
            for file in inside:
                found.setdefault(file, False)
        elif path.exists():
            found[path] = True
        else:
            mend = "Make one: homeport deployment build FILE:FLOW -n NAME"
            problems.append(Problem(str(path), "there is no such file", mend))
    if problems:
        raise InvalidDeployment(problems)
    return list(found.items())


def read_files(files: Sequence[tuple[Path, bool]], *, changes: Mapping[str, Any] | None = None) -> Found:
    """The deployments of these files, with the parameters and overrides of `changes` on top; problems are in it."""
    found = Found()
    for file, named in files:
        try:
            documents = read_documents(file)
        except InvalidDeployment as error:
            found.problems += error.problems
            continue
        except OSError as error:
            found.problems.append(Problem(str(file), f"it cannot be read: {error.strerror}"))
            continue
        parts = [part for document in documents for part in _parts(document)]
        if not named and not any(_is_deployment(_value(document, within)) for document, within in parts):
            found.others.append(file)
            continue
        if not parts:
            found.problems.append(Problem(f"{file}:1:1", "there is no deployment in this file"))
        for document, within in parts:
            _describe(file, document, within, changes or {}, found)
    _refuse_twins(found)
    return found


def read_file(file: Path) -> list[Described]:
    """The deployments of one file; raises InvalidDeployment with every problem, and OSError."""
    found = read_files([(file, True)])
    if found.problems:
        raise InvalidDeployment(found.problems)
    return found.deployments


def describe_all(file: Path, documents: Sequence[Document]) -> Found:
    """The deployments of documents that were read already."""
    found = Found()
    for document in documents:
        for part in _parts(document):
            _describe(file, *part, {}, found)
    _refuse_twins(found)
    return found


def described(file: Path, document: Document, within: Where = ()) -> Described:
    """The deployment that a value describes; raises InvalidDeployment."""
    found = Found()
    _describe(file, document, within, {}, found)
    if found.problems:
        raise InvalidDeployment(found.problems)
    return found.deployments[0]


def _parts(document: Document) -> Iterator[tuple[Document, Where]]:
    several = document.value.get("deployments") if isinstance(document.value, dict) else None
    if not isinstance(several, list):
        yield document, ()
        return
    for index in range(len(several)):
        yield document, ("deployments", index)


def _value(document: Document, within: Where) -> Any:
    value = document.value
    for step in within:
        value = value[step]
    return value


def _is_deployment(value: Any) -> bool:
    return isinstance(value, dict) and ("entrypoint" in value or "flow_name" in value)


def _describe(file: Path, document: Document, within: Where, changes: Mapping[str, Any], found: Found) -> None:
    value = _value(document, within)
    place = document.at(within)
    problems: list[Problem] = []
    if not isinstance(value, dict):
        found.problems.append(Problem(place, f"a deployment is a mapping (name: value), found {_kind(value)}"))
        return
    if within:
        extra = [key for key in document.value if key != "deployments" and not key.startswith("x-")]
        problems += [
            Problem(
                document.at((key,), key=True),
                f"the key {key!r} stands beside `deployments`",
                "Move it into each of them; name it x-... if it is only there for an anchor.",
            )
            for key in extra
            if within[-1] == 0
        ]
    value, notes, refused = prefect_yaml.converted(document, within, value, file)
    problems += refused
    for key, more in changes.items():
        if more and isinstance(value.get(key, {}), dict):
            value = {**value, key: prefect_yaml.merged(value.get(key) or {}, more)}
    problems += list(_secrets(document, within, value))
    specification = _specification(document, within, value, problems)
    if problems or specification is None:
        found.problems += problems
        return
    made = Described(file, document, within, specification, (*notes, *_doubts(document, within, value)))
    problems += list(_wrong_clocks(made))
    found.problems += problems
    if not problems:
        found.deployments.append(made)


def _specification(
    document: Document, within: Where, value: dict[str, Any], problems: list[Problem]
) -> Specification | None:
    from pydantic import ValidationError

    from homeport.deployments.specification import Specification

    try:
        return Specification.model_validate(value)
    except ValidationError as error:
        problems += _told(document, within, value, error)
        return None


def _nearest(key: str, known: Sequence[str]) -> str:
    near = [_ALIASES[key]] if _ALIASES.get(key) in known else difflib.get_close_matches(key, known, 1)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."


def _told(document: Document, within: Where, value: dict[str, Any], error: Any) -> Iterator[Problem]:
    """pydantic's errors in our words, each with its line."""
    problems = error.errors(include_url=False)
    unknown = [str(problem["loc"][-1]) for problem in problems if problem["type"] == "extra_forbidden"]
    for problem in problems:
        if problem["type"] == "missing" and difflib.get_close_matches(str(problem["loc"][-1]), unknown, 1):
            continue  # it is there, misspelt, which is told
        where, known = _stripped(problem["loc"], value)
        kind, shown = problem["type"], _dotted(where)
        place = document.at((*within, *where), key=kind == "extra_forbidden")
        got = problem.get("input")
        mend = ""
        if kind == "extra_forbidden":
            message = f"there is no key {where[-1]!r}" + (f" in {_dotted(where[:-1])}" if where[:-1] else "")
            mend = _nearest(str(where[-1]), known)
        elif kind == "missing":
            message = f"`{shown}` is missing"
            mend = "It says which flow: entrypoint: demo.py:hello_world" if where == ("entrypoint",) else ""
        elif kind in _TYPES:
            message = f"`{shown}` must be {_TYPES[kind]}, found {_kind(got)}"
            if kind == "string_type" and isinstance(got, int | float):
                mend = f"Put it in quotes: '{str(got).lower() if isinstance(got, bool) else got}'"
        elif kind == "union_tag_not_found" and where[:1] == ("schedule",):
            message = f"`{shown}` must have one of cron, interval, rrule"
        elif kind in ("union_tag_not_found", "union_tag_invalid"):
            message = f"`{shown}.type` must be one of process, docker-container, kubernetes-job, ecs-task"
            place = document.at((*within, *where, "type"))
        elif kind == "string_pattern_mismatch":
            message, mend = _PATTERNS.get(str(where[0]), (f"`{shown}` cannot be {got!r}", ""))
            message = message.format(got=repr(got)[:60])
        else:
            message = f"`{shown}`: {str(problem['msg']).removeprefix('Value error, ')}"
        yield Problem(place, message, mend)


_PATTERNS = {
    "entrypoint": ("`entrypoint` must be FILE:VARIABLE, found {got}", "Such as demo.py:hello_world."),
    "storage": ("`storage` must be TYPE/NAME of a block, found {got}", "Such as smb/test; see: homeport block ls"),
    "infrastructure": ("`infrastructure` as text must be TYPE/NAME of a block, found {got}", "homeport block ls"),
    "name": ("a name must not begin or end with a space, found {got}", ""),
}


def _stripped(location: Sequence[str | int], value: Any) -> tuple[Where, tuple[str, ...]]:
    """The way in the file, without the steps that pydantic adds for members of unions; and the keys known there."""
    from homeport.deployments import specification

    where: list[str | int] = []
    here = value
    model: str | None = None
    for number, step in enumerate(location):
        inside = (isinstance(here, dict) and step in here) or (isinstance(here, list) and isinstance(step, int))
        is_tag = step in specification.UNION_TAGS and where[:1] in (["schedule"], ["infrastructure"])
        if is_tag and not (inside and number == len(location) - 1):
            model = str(step) if step in specification.MODELS else model
            continue
        where.append(step)
        here = here[step] if inside else None
    return tuple(where), tuple(specification.MODELS[model].model_fields)


def _wrong_clocks(made: Described) -> Iterator[Problem]:
    try:
        made.clocks  # noqa: B018 - reading it checks it
    except WrongSchedule as error:
        yield Problem(made.at("schedule", *error.where), str(error))


def _secrets(document: Document, within: Where, value: dict[str, Any]) -> Iterator[Problem]:
    where_it_runs = (
        "Take it out of the file and set it where the agent runs (homeport agent start -e NAME=...), or let the "
        "flow ask for it: Secret('NAME').get()"
    )
    for top in ("infrastructure", "overrides"):
        for where, why in literal_secrets.found(value.get(top), (top,)):
            yield Problem(document.at((*within, *where)), f"the value of {_dotted(where)} {why}", where_it_runs)
    in_the_flow = "Take it out of the file, and let the flow ask for it: Secret('NAME').get()"
    for top in ("parameters", "schedule", "description", "version", "tags", "storage", "path"):
        for where, why in literal_secrets.found(value.get(top), (top,), by_name=False):
            yield Problem(document.at((*within, *where)), f"the value of {_dotted(where)} {why}", in_the_flow)


def _doubts(document: Document, within: Where, value: dict[str, Any]) -> Iterator[Note]:
    for where, why in literal_secrets.found(value.get("parameters"), ("parameters",)):
        yield Note(
            document.at((*within, *where)),
            f"the value of {_dotted(where)} {why}: parameters are kept by git and by the control plane. "
            "Let the flow ask for secrets: Secret('NAME').get()",
        )
    for top in ("infrastructure", "overrides"):
        part = value.get(top)
        env = part.get("env") if isinstance(part, dict) else None
        for name in literal_secrets.references(env) if isinstance(env, dict) else ():
            yield Note(
                document.at((*within, top, "env", name)),
                f"{top}.env.{name} is passed as it stands, as a reference. The flow has what it names by "
                f"homeport.secrets.resolve(os.environ[{name!r}]).get()",
            )


def _refuse_twins(found: Found) -> None:
    first: dict[tuple[Any, ...], Described] = {}
    for made in found.deployments:
        said = made.specification
        # Of one flow: what the file calls it, else where it lies.
        flow = said.flow or (str(made.base.resolve()), said.entrypoint)
        other = first.setdefault((said.project, flow, said.name), made)
        if other is not made:
            found.problems.append(
                Problem(
                    made.at("name"),
                    f"the deployment {said.name!r} of this flow is described twice; first at {other.at('name')}",
                    "Give one of them another name.",
                )
            )


def _dotted(where: Where) -> str:
    return ".".join(str(step) for step in where)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return f"{str(value).lower()}"
    return f"the number {value}" if isinstance(value, int | float) else f"the text {value[:40]!r}"
