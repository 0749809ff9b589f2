"""Writing a deployment's YAML so that it stays a person's file: built again, it keeps their comments, order and edits.

Only the keys that a build says anew are set; a file that changed meanwhile, or that somebody else is writing, is left
alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.deployments.problems import InvalidDeployment, Problem
from homeport.deployments.yaml_documents import parse_documents

if TYPE_CHECKING:
    from ruamel.yaml import YAML

# Above the key, where a file is written for the first time.
_COMMENTS = {
    "queue": "The work queue whose agents take its runs.",
    "storage": "The block that keeps its code: homeport block inspect {storage}",
    "parameters": "What runs get unless they say otherwise. The flow takes: {takes}",
    "schedule": "When runs are due.",
    "infrastructure": "What runs it, and with which variables; no secrets: set those where the agent runs.",
}
# Of these a build says single ones, and leaves the others.
_ADDED = ("parameters", "overrides")


def new_text(said: Mapping[str, Any], *, header: str, takes: str) -> str:
    """The text of a file with one deployment."""
    from ruamel.yaml.comments import CommentedMap

    made = CommentedMap({key: _node(value) for key, value in said.items()})
    for key, comment in _COMMENTS.items():
        if key in made:
            made.yaml_set_comment_before_after_key(key, before=comment.format(takes=takes, **{"storage": "", **said}))
    return header + _dumped(made)


def changed_text(text: str, said: Mapping[str, Any], *, name: str, file: str) -> str:
    """The text with these keys set in its deployment of this name; raises InvalidDeployment where there is none."""
    from homeport.deployments.prefect_yaml import is_prefect, merged

    documents = list(_parser().load_all(text))
    deployments = [
        one
        for document in documents
        for one in (document.get("deployments", [document]) if isinstance(document, dict) else [])
        if isinstance(one, dict)
    ]
    found = [one for one in deployments if one.get("name") == name]
    if not found:
        others = ", ".join(repr(one.get("name")) for one in deployments) or "no deployment"
        mend = "Give another file: -o FILE, or take that one away first."
        raise InvalidDeployment([Problem(file, f"this file holds {others}, and not {name!r}", mend)])
    if is_prefect(found[0]):
        mend = f"Rewrite it first: homeport deployment convert {file}"
        raise InvalidDeployment([Problem(file, "this file is in Prefect's form", mend)])
    for key, value in said.items():
        there = found[0].get(key)
        if key == "flow" and key not in found[0]:
            continue  # a person need not say it
        if key in _ADDED and isinstance(there, dict):
            value = merged(there, value)
        elif key == "infrastructure" and _same_type(there, value):
            continue
        if there != value or key not in found[0]:
            found[0][key] = _merged(there, value)
    return _dumped(*documents)


def _same_type(there: Any, value: Any) -> bool:
    """Whether a person's infrastructure is of the type that is wanted; then it stays, with what it says."""
    return isinstance(there, dict) and isinstance(value, Mapping) and there.get("type") == value.get("type")


def write(file: Path, text: str, *, before: bytes | None) -> None:
    """Put the text in place of what was there `before` (None: nothing), whole or not at all.

    Raises InvalidDeployment when the file is not what was read, and OSError.
    """
    parse_documents(text, str(file))  # what is written can be read
    kept = file.read_bytes() if file.exists() else None
    if kept != before:
        raise InvalidDeployment([Problem(str(file), "this file changed while it was being built", "Build it again.")])
    handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
        mode = file.stat().st_mode & 0o777 if kept is not None else 0o666 & ~_umask()
        Path(temporary).chmod(mode)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _merged(there: Any, value: Any) -> Any:
    """The value as nodes, in place of one of the same shape whose comments stay."""
    from ruamel.yaml.comments import CommentedMap

    if isinstance(there, CommentedMap) and isinstance(value, Mapping):
        gone = [key for key in there if key not in value]
        # What stands after a key, up to the next one, is kept with it: it may be about the next one.
        after = [there.ca.items[key][2] for key in gone if there.ca.items.get(key) and there.ca.items[key][2]]
        for key in gone:
            del there[key]
            there.ca.items.pop(key, None)
        for key, part in value.items():
            there[key] = _merged(there.get(key), part)
        last = next(reversed(there), None)
        if after and last is not None and last not in there.ca.items:
            there.ca.items[last] = [None, None, after[-1], None]
        return there
    return _node(value)


def _node(value: Any) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import LiteralScalarString

    if isinstance(value, Mapping):
        made = CommentedMap({key: _node(part) for key, part in value.items()})
        if not made:
            made.fa.set_flow_style()
        return made
    if isinstance(value, list | tuple):
        several = CommentedSeq([_node(part) for part in value])
        if not any(isinstance(part, dict | list) for part in value):
            several.fa.set_flow_style()
        return several
    if isinstance(value, str) and "\n" in value and not any(line != line.rstrip() for line in value.splitlines()):
        return LiteralScalarString(value)
    return value


def _parser() -> YAML:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 100
    yaml.preserve_quotes = True
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _dumped(*documents: Any) -> str:
    out = StringIO()
    _parser().dump_all(documents, out)
    return out.getvalue()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
