"""A block's fields as a person types them: `host=files.example.com`, `port=1445`, `env={"A": "1"}`, and a file of them.

A value becomes what the type's JSON Schema says: text stays text where a text is wanted, all else is read as JSON. A
secret that was typed instead of its reference is refused, without being repeated, with the command that keeps it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homeport.blocks.errors import InvalidBlock
from homeport.blocks.types import BlockType
from homeport.secrets.references import is_reference, problem


def of_pairs(of_type: BlockType, name: str, fields: Sequence[str], secrets: Sequence[str]) -> dict[str, Any]:
    """What `--field k=v` and `--secret k=reference` say. `name` is the block's, for messages. Raises InvalidBlock."""
    given: dict[str, Any] = {}
    for pair in fields:
        field, value = _parted(pair, "--field host=files.example.com")
        field = field_name(of_type, field)
        if field in of_type.secret_fields:
            given[field] = reference(of_type, name, field, value)
        else:
            given[field] = typed(of_type, field, value)
    for pair in secrets:
        field, value = _parted(pair, "--secret password=keyring:NAME")
        field = secret_name(of_type, field)
        given[field] = reference(of_type, name, field, value)
    return given


def of_file(of_type: BlockType, name: str, file: Path) -> dict[str, Any]:
    """The fields and references in a YAML or JSON file. Raises InvalidBlock."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidBlock(f"{file}: {error.strerror}.") from None
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise InvalidBlock(f"{file} is neither YAML nor JSON{where}.") from None
    if not isinstance(found, dict):
        raise InvalidBlock(f"{file} has no fields.", hint="It has a line for each: host: files.example.com")
    given: dict[str, Any] = {}
    for key, value in found.items():
        field = field_name(of_type, str(key))
        given[field] = reference(of_type, name, field, value) if field in of_type.secret_fields else value
    return given


def typed(of_type: BlockType, field: str, text: str) -> Any:
    """The value that a person typed, as the field's schema wants it."""
    if "string" in _kinds(of_type.schema, of_type.schema["properties"].get(field, {})):
        return text
    try:
        return json.loads(text, parse_constant=lambda word: word)
    except (ValueError, RecursionError):
        return text  # what is wrong with it, pydantic says


def reference(of_type: BlockType, name: str, field: str, value: object) -> str:
    """The reference; InvalidBlock for anything else, with the commands that keep a secret properly."""
    if isinstance(value, str) and is_reference(value):
        return value
    kept, variable = f"{of_type.slug}-{name}-{field}", f"{of_type.slug}_{field}".upper().replace("-", "_")
    raise InvalidBlock(
        f"{field} of {of_type.slug}/{name} is a secret: what was given is no reference to one, and is not shown here. "
        f"{_form(value)}If it was the secret itself, it is now in your shell's history; take it out there "
        f"(history -d).",
        hint=(
            f"Keep it on each machine that opens the block, and give where it is kept:\n"
            f"  keyring set homeport {kept}      then: --secret {field}=keyring:{kept}\n"
            f"  export {variable}=...            then: --secret {field}=env:{variable}   (a .env is not looked into)\n"
            f"  chmod 600 FILE                   then: --secret {field}=file:/path/of/FILE\n"
            f"  in a cloud's secret manager      then: --secret {field}=aws:NAME or azure:VAULT/NAME"
        ),
    )


def _form(value: object) -> str:
    """How a name in a secret manager is written, where it was tried."""
    wrong = problem(value) if isinstance(value, str) and value.startswith(("aws:", "azure:")) else None
    return f"{wrong} " if wrong else ""


def field_name(of_type: BlockType, given: str) -> str:
    """The field's name here, of that or of another spelling of it. Raises InvalidBlock that names the nearest."""
    known = of_type.spellings
    if given in known:
        return known[given]
    near = difflib.get_close_matches(given, known, 1, 0.8 if of_type.takes_more else 0.6)
    if of_type.takes_more and not near:
        return given  # an older spelling of several fields at once, perhaps; the class of the fields knows
    mend = f"Did you mean {known[near[0]]}?" if near else f"Fields: {', '.join(of_type.fields.model_fields)}"
    raise InvalidBlock(f"A block of type {of_type.slug} has no field {given[:60]!r}.", hint=mend)


def secret_name(of_type: BlockType, given: str) -> str:
    """The name of a secret field. Raises InvalidBlock for a field that is none."""
    name = field_name(of_type, given)
    if name not in of_type.secret_fields:
        secrets = ", ".join(sorted(of_type.secret_fields)) or "none"
        raise InvalidBlock(
            f"{given} of type {of_type.slug} is no secret (its secrets: {secrets}).", hint=f"Give --field {given}=..."
        )
    return name


def _parted(pair: str, example: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name.strip():
        # What was typed may be a secret: it is not repeated.
        raise InvalidBlock(f"An option is not NAME=VALUE: there is no {'=' if not equals else 'name'}.", hint=example)
    return name.strip(), value


def _kinds(schema: Mapping[str, Any], part: Mapping[str, Any]) -> set[str]:
    """The JSON types that a part of the schema takes; a value of any type counts as none."""
    if "$ref" in part:
        return _kinds(schema, schema.get("$defs", {}).get(str(part["$ref"]).rpartition("/")[2], {}))
    kinds: set[str] = set()
    for option in ("anyOf", "oneOf", "allOf"):
        for choice in part.get(option, ()):
            kinds |= _kinds(schema, choice)
    if "enum" in part or "const" in part:
        kinds |= {"string"} if all(isinstance(v, str) for v in part.get("enum", [part.get("const")])) else set()
    said = part.get("type", ())
    return kinds | ({said} if isinstance(said, str) else set(said))
