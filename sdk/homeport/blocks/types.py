"""Types of blocks: every kind of storage is one, and so are infrastructure and small values.

Storage kinds say what they are made of by `fields()`. The other types are here (`BUILT_IN`), or brought by a package
with an entry point of the group `homeport.blocks` that names a class of BlockFields.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from homeport.blocks.errors import UnknownBlockType
from homeport.code.errors import UnknownStorageKind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from homeport.blocks.fields import BlockFields

ENTRY_POINT_GROUP = "homeport.blocks"
BUILT_IN: Mapping[str, str] = {
    "process": "homeport.blocks.infrastructure:ProcessFields",
    "docker-container": "homeport.blocks.infrastructure:DockerContainerFields",
    "kubernetes-job": "homeport.blocks.infrastructure:KubernetesJobFields",
    "ecs-task": "homeport.blocks.infrastructure:ECSTaskFields",
    "secret": "homeport.blocks.values:SecretFields",
    "json": "homeport.blocks.values:JSONFields",
    "string": "homeport.blocks.values:StringFields",
    "date-time": "homeport.blocks.values:DateTimeFields",
}
ALIASES: Mapping[str, str] = {
    "local-file-system": "folder",
    "local": "folder",
    "docker-registry": "docker",
    "azure-blob-storage": "azure",
    "gcs-bucket": "gcs",
    "github-repository": "github",
    "gitlab-repository": "gitlab",
    "bitbucket-repository": "bitbucket",
    "s3-bucket": "s3",
}
"""What 2.x calls a type -> what it is called here."""


@dataclass(frozen=True)
class BlockType:
    """A type: its slug, its fields, and the version of the package that brings it."""

    slug: str
    fields: type[BlockFields]
    version: str
    is_storage: bool

    @property
    def title(self) -> str:
        """The type as people read it."""
        return self.fields.title or self.slug

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its fields, under the names that a reference has."""
        return self.fields.model_json_schema(by_alias=False)

    @property
    def about(self) -> str:
        """What it is, in a sentence."""
        import inspect

        return (inspect.getdoc(self.fields) or "").partition("\n")[0]

    def described_fields(self) -> list[dict[str, Any]]:
        """Each field with its name, type, default and sentence, for people."""
        required = set(self.schema.get("required", ()))
        return [
            {
                "name": name,
                "type": _type_in_words(part),
                "secret": name in self.secret_fields,
                "required": name in required,
                "default": part.get("default"),
                "about": str(part.get("description", "")),
            }
            for name, part in self.schema.get("properties", {}).items()
        ]

    @cached_property
    def secret_fields(self) -> frozenset[str]:
        """The fields that are given by reference."""
        return self.fields.secret_names()

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Every name under which a field may be given -> its name."""
        from pydantic import AliasChoices

        found: dict[str, str] = {}
        for name, field in self.fields.model_fields.items():
            alias = field.validation_alias
            others = alias.choices if isinstance(alias, AliasChoices) else [alias, field.alias]
            found |= {other: name for other in others if isinstance(other, str)}
        return found | {name: name for name in self.fields.model_fields}

    @property
    def takes_more(self) -> bool:
        """Whether names of another version are taken, which are no fields but say what fields are."""
        return bool(self.fields.__pydantic_decorators__.model_validators)

    def described(self) -> dict[str, Any]:
        """What the control plane is told of it."""
        return {
            "slug": self.slug,
            "title": self.title,
            "schema": self.schema,
            "secretFields": sorted(self.secret_fields),
            "version": self.version,
        }


def canonical(slug: str) -> str:
    """The name that a type has here, of that or of its name in 2.x."""
    plain = slug.strip().lower().replace("_", "-")
    return ALIASES.get(plain, plain)


def block_type(slug: str) -> BlockType:
    """The type of this slug (or 2.x slug), imported now. Raises UnknownBlockType, which names those that are near."""
    name = canonical(slug)
    found = _entries().get(name)
    if name in BUILT_IN:
        import homeport

        return BlockType(name, _imported(BUILT_IN[name]), homeport.__version__, is_storage=False)
    if found is None:
        known = slugs()
        near = difflib.get_close_matches(name, [*known, *ALIASES], 1)
        hint = f"Did you mean {canonical(near[0])}?" if near else f"Types: {', '.join(known)}."
        raise UnknownBlockType(
            f"There is no type of block {slug!r} here.",
            hint=f"{hint} A type of another package is there once that package is installed.",
        )
    return _of_entry(found)


def slugs() -> list[str]:
    """The names of all types, without importing any."""
    return sorted({*BUILT_IN, *_entries()})


def block_types() -> tuple[list[BlockType], dict[str, str]]:
    """All types that can be imported here, by slug; and of the others, what is missing."""
    found: list[BlockType] = []
    missing: dict[str, str] = {}
    for slug in slugs():
        try:
            found.append(block_type(slug))
        except UnknownBlockType as error:
            missing[slug] = str(error)
    return found, missing


def _type_in_words(part: Mapping[str, Any]) -> str:
    """A part of a JSON Schema as a person says it: "string", "integer or string", "list of string"."""
    if "enum" in part:
        return " | ".join(str(choice) for choice in part["enum"])
    if "const" in part:
        return str(part["const"])
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    choices = [choice for choice in part.get("anyOf", part.get("oneOf", ())) if choice.get("type") != "null"]
    if choices:
        return " or ".join(dict.fromkeys(_type_in_words(choice) for choice in choices))
    if part.get("type") == "array":
        return f"list of {_type_in_words(part.get('items', {}))}"
    return str(part.get("type", "any"))


def _entries() -> dict[str, EntryPoint]:
    """What packages offer; two of one name are the first one's, as with storages."""
    from importlib.metadata import entry_points

    from homeport.code.storage import ENTRY_POINT_GROUP as STORAGES

    offered = [*entry_points(group=STORAGES), *entry_points(group=ENTRY_POINT_GROUP)]
    return {entry.name: entry for entry in reversed(offered)}


def _of_entry(entry: EntryPoint) -> BlockType:
    from homeport.code.storage import ENTRY_POINT_GROUP as STORAGES
    from homeport.code.storage import storage_class

    version = entry.dist.version if entry.dist is not None else "0"
    if entry.group == STORAGES:
        try:
            return BlockType(entry.name, storage_class(entry.name).fields(), version, is_storage=True)
        except UnknownStorageKind as error:
            raise UnknownBlockType(str(error)) from error
    try:
        return BlockType(entry.name, entry.load(), version, is_storage=False)
    except ModuleNotFoundError as error:
        raise UnknownBlockType(
            f"The type {entry.name!r} needs the package {error.name}, which is not installed here."
        ) from error


def _imported(target: str) -> type[BlockFields]:
    from importlib import import_module

    module, _, name = target.partition(":")
    fields: type[BlockFields] = getattr(import_module(module), name)
    return fields
