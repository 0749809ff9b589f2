"""YAML as plain JSON values, each with the line it stands in. Nothing in a file can make an object or grow without end.

The parser's own constructors are not used: its nodes are walked here, and what is no JSON value is refused by line:
tags (`!!python/object`), duplicate keys, keys that are no text, aliases that contain themselves or would be written out
to more than a limit (a billion laughs).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.deployments.problems import InvalidDeployment, Problem

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

MOST_BYTES = 512 * 1024
MOST_VALUES = 10_000
MOST_CHARACTERS = 4 * 1024 * 1024
DEEPEST = 50

Where = tuple[str | int, ...]
"""The way to a value: keys and indexes, ("schedule", "cron")."""
Place = tuple[int, int]
"""Line and column, from 1."""

_PREFIX = "tag:yaml.org,2002:"
_MERGE = f"{_PREFIX}merge"
# A date is what is written there: JSON has no dates.
_TEXTS = {f"{_PREFIX}str", f"{_PREFIX}timestamp", f"{_PREFIX}value"}


@dataclass
class Document:
    """One YAML document: its value, and where each part of it stands."""

    file: str
    value: Any
    values: dict[Where, Place] = field(default_factory=dict)
    keys: dict[Where, Place] = field(default_factory=dict)

    def at(self, where: Where, *, key: bool = False) -> str:
        """`file:line:column` of a value (or of its key); of what holds it where it is not written down."""
        places = self.keys if key else self.values
        while where and where not in places:
            where = where[:-1]
            places = self.values
        line, column = places.get(where, (1, 1))
        return f"{self.file}:{line}:{column}"

    def renamed(self, old: Where, new: Where) -> None:
        """Let what is now found under `new` point to the lines of `old`."""
        for places in (self.values, self.keys):
            for where in [where for where in places if where[: len(old)] == old]:
                places[new + where[len(old) :]] = places.pop(where)


def read_documents(file: Path, *, shown: str | None = None) -> list[Document]:
    """The documents of a file that are not empty; raises InvalidDeployment with file and line, and OSError."""
    name = shown or str(file)
    with file.open("rb") as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _wrong(
            name, (1, 1), f"the file is larger than {MOST_BYTES // 1024} KiB", "A deployment is a page of text."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _wrong(name, (line, 1), f"this is not UTF-8 text: {error.reason}", "Save the file as UTF-8.") from None
    return parse_documents(text, name)


def parse_documents(text: str, name: str) -> list[Document]:
    """The documents of a text that are not empty; raises InvalidDeployment with name and line."""
    documents = list(_parsed(text, name, None))
    if any(_written_by_prefect(document.value) for document in documents):
        # Its YAML 1.1 says yes and no for true and false.
        documents = list(_parsed(text, name, (1, 1)))
    return documents


def _parsed(text: str, name: str, version: tuple[int, int] | None) -> Iterator[Document]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    def parser() -> YAML:
        yaml = YAML(typ="rt", pure=True)
        yaml.version = version
        return yaml

    try:
        _bounded(parser().parse(text), name)
        for node in parser().compose_all(text):
            document = Document(name, None)
            document.value = _Walk(document).value(node, ())
            if document.value is not None:
                yield document
    except InvalidDeployment:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        what = ", ".join(part for part in (error.context, error.problem) if part) or "it cannot be read"
        raise _wrong(name, place, f"this is not YAML: {what}", _mend(text, place)) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _wrong(name, (line, 1), "there is a control character here, which YAML does not allow") from None
    except (YAMLError, RecursionError, ValueError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise _wrong(name, (1, 1), f"this is not YAML: {what}") from None


def _mend(text: str, place: tuple[int, int]) -> str:
    """What it usually was, by the line at which the parser stopped."""
    lines = text.splitlines()
    line = lines[place[0] - 1] if 0 < place[0] <= len(lines) else ""
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation:
        return "YAML is indented by spaces: replace the tab at the beginning of the line."
    before = next((one for one in reversed(lines[: place[0] - 1]) if one.strip()), "")
    if indentation and ":" in before and not before.rstrip().endswith((":", "|", ">", "-")):
        return "Keys of one mapping begin in one column: look at the spaces before this line."
    return "A text with : or # in it, or one that begins with another sign, needs quotes."


def _bounded(events: Iterator[Any], name: str) -> None:
    """Refuse what is too large or too deep before nodes are made of it: that costs much more than looking."""
    depth = 0
    for number, event in enumerate(events):
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if depth > DEEPEST:
            raise _wrong(name, place, f"this is nested more than {DEEPEST} deep")
        if number > 3 * MOST_VALUES:
            raise _wrong(name, place, f"this file has more than {MOST_VALUES:,} values")


def _written_by_prefect(value: Any) -> bool:
    return isinstance(value, dict) and ("manifest_path" in value or "parameter_openapi_schema" in value)


def _wrong(name: str, place: Place, message: str, mend: str = "") -> InvalidDeployment:
    return InvalidDeployment([Problem(f"{name}:{place[0]}:{place[1]}", message, mend)])


class _Walk:
    """From nodes to values, counting what they grow to."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._left, self._characters = MOST_VALUES, MOST_CHARACTERS
        self._open: set[int] = set()

    def value(self, node: Node | None, where: Where) -> Any:
        """The value of a node, and where it and its parts stand."""
        if node is None:
            return None
        self._count(node, where)
        self._document.values[where] = _place(node)
        kind = _kind(node)
        if kind == "scalar":
            return self._scalar(node)
        if id(node) in self._open:
            raise self._refused(node, "this alias stands for something that contains itself")
        self._open.add(id(node))
        try:
            return self._mapping(node, where) if kind == "mapping" else self._sequence(node, where)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: Node, where: Where) -> dict[str, Any]:
        self._plain_tag(node, "map")
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if str(key.tag) == _MERGE:
                for name, taken in self._merged(value, where):
                    merged.setdefault(name, taken)
                continue
            name = self._key(key)
            if name in found:
                raise self._refused(key, f"the key {name!r} is here twice; it was in line {self._line(where, name)}")
            self._document.keys[(*where, name)] = _place(key)
            found[name] = self.value(value, (*where, name))
        return {**merged, **found}

    def _merged(self, node: Node, where: Where) -> Iterator[tuple[str, Any]]:
        for part in node.value if _kind(node) == "sequence" else [node]:
            if _kind(part) != "mapping":
                raise self._refused(part, "after << stands a mapping, or a list of them")
            known = {place: at for place, at in self._document.values.items() if place[: len(where)] == where}
            yield from self.value(part, where).items()
            self._document.values.update(known)

    def _sequence(self, node: Node, where: Where) -> list[Any]:
        self._plain_tag(node, "seq")
        return [self.value(part, (*where, index)) for index, part in enumerate(node.value)]

    def _key(self, node: Node) -> str:
        kind = _kind(node)
        if kind != "scalar" or _tag(node) not in _TEXTS:
            shown = repr(node.value)[:40] if kind == "scalar" else f"a {kind}"
            raise self._refused(node, f"a key is text, and this one is {shown}", "Put it in quotes.")
        return str(node.value)

    def _line(self, where: Where, name: str) -> int:
        return self._document.keys[(*where, name)][0]

    def _plain_tag(self, node: Node, kind: str) -> None:
        if str(node.tag) != f"{_PREFIX}{kind}":
            raise self._refused(node, f"the tag {_short(node)} is not allowed here", "Write plain YAML, without tags.")

    def _scalar(self, node: Node) -> Any:
        tag, text = _tag(node), str(node.value)
        if tag in _TEXTS:
            return text
        reader = _SCALARS.get(tag)
        if reader is None:
            raise self._refused(node, f"the tag {_short(node)} is not allowed here", "Write plain YAML, without tags.")
        try:
            return reader(text)
        except ValueError:
            raise self._refused(node, f"{text[:40]!r} is no number that JSON knows", "Put it in quotes.") from None

    def _count(self, node: Node, where: Where) -> None:
        self._left -= 1
        if _kind(node) == "scalar":
            self._characters -= len(node.value)
        if len(where) > DEEPEST:
            raise self._refused(node, f"this is nested more than {DEEPEST} deep")
        if self._left < 0 or self._characters < 0:
            raise self._refused(node, f"with its aliases written out, this file has more than {MOST_VALUES:,} values")

    def _refused(self, node: Node, message: str, mend: str = "") -> InvalidDeployment:
        return _wrong(self._document.file, _place(node), message, mend)


def _kind(node: Node) -> str:
    """scalar, sequence or mapping."""
    return str(getattr(node, "id", ""))


def _place(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _short(node: Node) -> str:
    return str(node.tag).replace(_PREFIX, "!!")


def _tag(node: Node) -> str:
    # The parser of YAML 1.1 takes y and n for booleans; PyYAML, which Prefect writes with, does not.
    if str(node.tag) == f"{_PREFIX}bool" and str(node.value).lower() in ("y", "n"):
        return f"{_PREFIX}str"
    return str(node.tag)


def _integer(text: str) -> int:
    plain = text.replace("_", "").lower()
    sign, digits = (-1, plain[1:]) if plain.startswith("-") else (1, plain.removeprefix("+"))
    for prefix, base in (("0x", 16), ("0o", 8), ("0b", 2)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], base)
    if ":" in digits or len(digits) > 19:
        raise ValueError(text)  # minutes and seconds to the base of 60, in YAML 1.1; or longer than JSON carries
    return sign * int(digits)


def _number(text: str) -> float:
    found = float(text.replace("_", ""))
    if found != found or found in (float("inf"), float("-inf")):
        raise ValueError(text)
    return found


def _boolean(text: str) -> bool:
    return text.lower() in ("true", "yes", "on")


_SCALARS = {
    f"{_PREFIX}null": lambda text: None,
    f"{_PREFIX}bool": _boolean,
    f"{_PREFIX}int": _integer,
    f"{_PREFIX}float": _number,
}
