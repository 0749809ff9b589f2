"""What a type of block is made of: typed fields with a JSON Schema, in which a secret is only ever a reference.

    class SmbFields(BlockFields):
        host: str = Field(description="Name or address of the server.")
        password: SecretReference | None = None

Fields marked by `SecretReference` hold `env:NAME`, `keyring:SERVICE/NAME`, `file:/path` or a name in a secret manager
(`aws:NAME`, `azure:VAULT/NAME`). A literal is refused where it is written, with the command that keeps it properly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, WithJsonSchema

from homeport.code.errors import UnsafeCode
from homeport.secrets.references import FORMS, problem

SECRET_FORMAT = "homeport-secret-reference"  # noqa: S105 - the name of a format


class LiteralSecret(ValueError):  # noqa: N818 - named for what happened
    """A secret itself was given where only its name belongs. The message does not repeat it."""


def _reference(text: str) -> str:
    wrong = problem(text)
    if wrong is not None:
        raise LiteralSecret(wrong)
    return text


SecretReference = Annotated[
    str,
    AfterValidator(_reference),
    WithJsonSchema({"type": "string", "format": SECRET_FORMAT, "description": FORMS}),
]


class BlockFields(BaseModel):
    """The base of every type's fields. Unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    title: ClassVar[str] = ""
    """The type as people read it: "SMB share"."""

    @classmethod
    def secret_names(cls) -> frozenset[str]:
        """The names of the fields that hold references to secrets."""
        return frozenset(
            name
            for name, schema in cls.model_json_schema(by_alias=False).get("properties", {}).items()
            if SECRET_FORMAT in (schema.get("format"), *(part.get("format") for part in schema.get("anyOf", ())))
        )

    @classmethod
    def of_reference(cls, reference: Mapping[str, Any]) -> Self:
        """The fields that a storage reference holds, without what is not of the block; UnsafeCode when they are wrong.

        A reference comes from the control plane: what it says is checked like any other input.
        """
        given = {name: value for name, value in dict(reference).items() if name not in ("kind", "block")}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise UnsafeCode(
                f"the storage reference of kind {reference.get('kind')} is wrong: {problems(error, cls)}"
            ) from None


def problems(error: ValidationError, of: type[BaseModel]) -> str:
    """Each problem with its field, and without the value: "host: is needed (...); port: Input should be ..."."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'fields'}: {_told(problem, of)}"
        for problem in error.errors(include_url=False, include_context=True, include_input=False)
    )


def _told(problem: Mapping[str, Any], of: type[BaseModel]) -> str:
    """pydantic's words, but where they name a pattern or nothing at all: then what the field is."""
    field = of.model_fields.get(str(problem["loc"][0])) if problem["loc"] else None
    about = (field.description or "").rstrip(".") if field is not None else ""
    if problem["type"] == "missing":
        return f"is needed ({about})" if about else "is needed"
    if problem["type"] == "string_pattern_mismatch":
        pattern = problem.get("ctx", {}).get("pattern")
        return f"what was given does not fit ({about}; as a pattern: {pattern})"
    return str(problem["msg"]).removeprefix("Value error, ")
