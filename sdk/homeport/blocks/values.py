"""Small values as blocks: the fields of 2.x's system blocks. A secret's only field is a reference to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from homeport.blocks.fields import BlockFields, SecretReference
from homeport.secrets.references import FORMS


class SecretFields(BlockFields):
    """A secret by name, kept wherever its reference says."""

    title: ClassVar[str] = "Secret"

    value: SecretReference = Field(description=f"Where the secret is kept: {FORMS}.")


class JSONFields(BlockFields):
    """Any JSON value."""

    title: ClassVar[str] = "JSON"

    value: Any = Field(description="Any JSON value. No place for secrets.")


class StringFields(BlockFields):
    """A text."""

    title: ClassVar[str] = "String"

    value: str = Field(description="A text. No place for secrets.")


class DateTimeFields(BlockFields):
    """A moment."""

    title: ClassVar[str] = "Date and time"

    value: datetime = Field(description="ISO 8601: 2026-11-25T09:30:00Z.")
