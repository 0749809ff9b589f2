"""Blocks at the control plane, seen from here: loaded, made, changed and deleted by "type/name".

What is sent is what the type's fields take: a literal secret is refused here, before anything leaves the machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homeport.blocks.errors import BlockNotFound, InvalidBlock
from homeport.blocks.types import BlockType, block_type, canonical

if TYPE_CHECKING:
    from homeport.blocks.fields import BlockFields

Ask = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""(operation, variables) -> the data that it answers."""

_ELSEWHERE = "Keep it where the flow runs, and read it with Secret(NAME).get(); or set it at the agent: -e NAME=..."
_REFERENCE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)/([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class KeptBlock:
    """A block as the control plane has it."""

    type: str
    name: str
    fields: dict[str, Any]
    secrets: dict[str, str]
    revision: int = 1
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Who made and changed it, when, and which deployments use it: as it was answered."""

    @property
    def slug(self) -> str:
        """Type and name, as they are written: "smb/test"."""
        return f"{self.type}/{self.name}"

    @property
    def reference(self) -> dict[str, Any]:
        """The storage reference with all that the block says: what `open_storage` takes."""
        return {**self.fields, **self.secrets, "kind": self.type, "block": self.slug}

    def parsed(self) -> BlockFields:
        """The fields as the class of their type. Raises UnknownBlockType, InvalidBlock."""
        return checked(block_type(self.type), {**self.fields, **self.secrets})


def split(reference: str, *, type_: str | None = None) -> tuple[str, str]:
    """Type and name of "smb/test" (with `type_`, of "test" too). Raises InvalidBlock."""
    text = f"{type_}/{reference}" if type_ is not None and "/" not in reference else reference
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise InvalidBlock(f"{reference!r} names no block.", hint="Write TYPE/NAME, such as smb/test.")
    if type_ is not None and canonical(match[1]) != canonical(type_):
        raise InvalidBlock(f"{reference!r} is no block of type {canonical(type_)}.")
    return canonical(match[1]), match[2]


def is_block_name(text: str) -> bool:
    """Whether the text has the form TYPE/NAME."""
    return _REFERENCE.fullmatch(text) is not None


def load_block(reference: str, *, ask: Ask | None = None) -> KeptBlock:
    """The block "type/name" with its fields and references. In a run, the run's own token asks.

    Raises BlockNotFound, InvalidBlock (the name), NotConnected, ClientError.
    """
    kind, name = split(reference)
    found = (ask or _ask())("block", {"type": kind, "name": name})["block"]
    if found is None:
        raise BlockNotFound(
            f"There is no block {kind}/{name}.", hint=f"homeport block ls    or: homeport block create {kind}/{name}"
        )
    return kept_of(found)


def create_block(
    reference: str, given: Mapping[str, Any] | BlockFields, *, overwrite: bool = False, ask: Ask | None = None
) -> KeptBlock:
    """Make the block; one with the same content already is answered. `given` has fields, and secrets by reference.

    Raises UnknownBlockType, InvalidBlock, NotConnected, and ConflictError for a name that has another content.
    """
    from homeport.client.outcomes import expect

    kind, name = split(reference)
    of_type = block_type(kind)
    fields, secrets = parted(of_type, given)
    input_ = {"type": of_type.described(), "name": name, "fields": fields, "secrets": secrets, "overwrite": overwrite}
    return kept_of(expect((ask or _ask())("createBlock", {"input": input_})["createBlock"], "BlockCreated")["block"])


def update_block(
    reference: str, *, fields: Mapping[str, Any], secrets: Mapping[str, str | None], ask: Ask | None = None
) -> KeptBlock:
    """Set what is given, take away what is None, and leave the rest. Raises NotFoundError, InvalidInputError."""
    from homeport.client.outcomes import expect

    kind, name = split(reference)
    refuse_literals(block_type(kind), fields)
    input_ = {"type": kind, "name": name, "fields": dict(fields), "secrets": dict(secrets)}
    return kept_of(expect((ask or _ask())("updateBlock", {"input": input_})["updateBlock"], "BlockUpdated")["block"])


def delete_block(reference: str, *, ask: Ask | None = None) -> None:
    """Delete the block. Raises NotFoundError, and ConflictError that names deployments that use it."""
    from homeport.client.outcomes import expect

    kind, name = split(reference)
    expect((ask or _ask())("deleteBlock", {"input": {"type": kind, "name": name}})["deleteBlock"], "BlockDeleted")


def parted(of_type: BlockType, given: Mapping[str, Any] | BlockFields) -> tuple[dict[str, Any], dict[str, str]]:
    """What was given as (fields, references), each as JSON, without what was left out. Raises InvalidBlock."""
    parsed = checked(of_type, given) if isinstance(given, Mapping) else given
    values = parsed.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    secret = of_type.secret_fields
    fields = {name: value for name, value in values.items() if name not in secret}
    refuse_literals(of_type, fields)
    return fields, {name: value for name, value in values.items() if name in secret}


def refuse_literals(of_type: BlockType, fields: Mapping[str, Any]) -> None:
    """Raises InvalidBlock for a field that is no secret by its type and holds one: an address with a password in it."""
    from homeport.deployments import literal_secrets

    for where, why in literal_secrets.found(dict(fields)):
        secrets = ", ".join(sorted(of_type.secret_fields))
        raise InvalidBlock(
            f"{'.'.join(str(part) for part in where)} {why}, and everybody who may look at blocks reads it "
            "(it is not shown here).",
            hint=f"Secrets of the type {of_type.slug} are given by reference: {secrets}." if secrets else _ELSEWHERE,
        )


def checked(of_type: BlockType, given: Mapping[str, Any]) -> BlockFields:
    """The fields, coerced as pydantic does. Raises InvalidBlock that names each wrong one, and repeats no value."""
    from pydantic import ValidationError

    from homeport.blocks.fields import problems

    try:
        return of_type.fields.model_validate(dict(given))
    except ValidationError as error:
        raise InvalidBlock(
            f"These cannot be the fields of a block of type {of_type.slug}: {problems(error, of_type.fields)}",
            hint=f"homeport block type inspect {of_type.slug}",
        ) from None


def kept_of(answer: Mapping[str, Any]) -> KeptBlock:
    """The block in an answer of the control plane."""
    return KeptBlock(
        answer["type"]["slug"], answer["name"], answer["fields"], answer["secrets"], answer["revision"], answer
    )


def _ask() -> Ask:
    from homeport.runtime.connection import ask

    return ask
