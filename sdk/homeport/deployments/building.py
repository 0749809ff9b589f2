"""Building a deployment: from a flow and what a person says of it to the keys of its YAML, and to the file itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.deployments import yaml_files
from homeport.deployments.problems import InvalidDeployment, Problem
from homeport.deployments.reading import Described, described
from homeport.deployments.yaml_documents import Document, parse_documents

if TYPE_CHECKING:
    from homeport.flows import Flow

SCHEMA_PATH = "/deployment.schema.json"
"""Where every control plane serves the JSON Schema of the file."""
ORDER = (
    "name", "flow", "entrypoint", "project", "description", "version", "tags", "queue", "labels", "storage", "path",
    "root", "parameters", "schedule", "schedule_active", "infrastructure", "overrides", "on_lost",
)  # fmt: skip


def file_name(variable: str) -> str:
    """The file that a flow's deployment is written to unless a person says another: that of 2.4."""
    return f"{variable}-deployment.yaml"


def keys_of(flow: Flow, name: str, entrypoint: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a deployment of this flow: the facts, and what was given of the rest (None: not given)."""
    said = {"name": name, "flow": flow.name, "entrypoint": entrypoint}
    said |= {key: value for key, value in given.items() if value is not None}
    return {key: said[key] for key in ORDER if key in said}


def first_keys(flow: Flow, said: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a file that is written for the first time: those, and what a person will want to fill in."""
    whole = dict(said)
    if flow.description and "description" not in whole:
        whole["description"] = flow.description.strip()
    whole.setdefault("parameters", {})
    if flow.run_config is None:
        whole.setdefault("infrastructure", {"type": "process", "env": {}})
    return {key: whole[key] for key in ORDER if key in whole}


def checked(said: Mapping[str, Any], place: Path, *, options: str = "the options") -> Described:
    """The deployment that these keys are; raises InvalidDeployment, whose places are the options."""
    try:
        return described(place, Document(options, dict(said)))
    except InvalidDeployment as error:
        raise InvalidDeployment(
            [Problem(_option(problem), problem.message, problem.mend) for problem in error.problems]
        ) from None


@dataclass(frozen=True)
class Planned:
    """What a build would leave in a file: the text, and the deployment that it describes."""

    file: Path
    text: str
    made: Described
    before: bytes | None

    def write(self) -> None:
        """Put it there; raises InvalidDeployment when the file changed meanwhile, and OSError."""
        yaml_files.write(self.file, self.text, before=self.before)


def planned(file: Path, flow: Flow, said: Mapping[str, Any], *, schema_url: str) -> Planned:
    """The file with the deployment in it: a new one, or what a person made of it with these keys set.

    Raises InvalidDeployment and OSError.
    """
    before = file.read_bytes() if file.exists() else None
    if before is None or not before.strip():
        header = _header(flow, said, file, schema_url)
        text = yaml_files.new_text(first_keys(flow, said), header=header, takes=_takes(flow))
    else:
        there = _decoded(before, file)
        parse_documents(there, str(file))
        text = yaml_files.changed_text(there, said, name=str(said["name"]), file=str(file))
    return Planned(file, text, _found(text, file, str(said["name"])), before)


def converted_text(made: Sequence[Described], *, file: Path, schema_url: str) -> str:
    """The text of a file with these deployments in our form, whatever form they had."""
    texts = []
    for one in made:
        said = one.specification.model_dump(mode="json", exclude_unset=True)
        ordered = {key: said[key] for key in ORDER if key in said}
        texts.append(yaml_files.new_text(ordered, header="", takes="see the flow"))
    header = f"# yaml-language-server: $schema={schema_url}\n"
    return header + "---\n".join(texts)


def _found(text: str, file: Path, name: str) -> Described:
    from homeport.deployments.reading import describe_all

    found = describe_all(file, parse_documents(text, str(file)))
    if found.problems:
        raise InvalidDeployment(found.problems)
    return next(one for one in found.deployments if one.specification.name == name)


def _header(flow: Flow, said: Mapping[str, Any], file: Path, schema_url: str) -> str:
    return (
        f"# yaml-language-server: $schema={schema_url}\n"
        f"# The deployment {_plain(said['name'])} of the flow {_plain(flow.name)}. Edit it and keep it in git: built "
        f"again, it keeps your edits,\n"
        f"# and changes what the options say. Register it: homeport deployment apply {_plain(file.name)}\n"
    )


def _plain(text: object) -> str:
    return "".join(character if character.isprintable() else "?" for character in str(text))


def _takes(flow: Flow) -> str:
    schema = flow.parameter_schema()
    required = schema.get("required", ())
    parts = []
    for name, one in schema.get("properties", {}).items():
        kind = f" ({one['type']})" if isinstance(one.get("type"), str) else ""
        default = "" if name in required or "default" not in one else f" = {json.dumps(one['default'])}"
        parts.append(f"{name}{kind}{default}")
    shown = ", ".join(parts) or "none"
    return _plain(shown if len(shown) <= 200 else shown[:200] + "...")


def _decoded(content: bytes, file: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidDeployment([Problem(str(file), "this is not UTF-8 text")]) from None


def _option(problem: Problem) -> str:
    return problem.place.partition(":")[0]
