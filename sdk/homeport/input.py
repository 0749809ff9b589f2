"""What a paused run may be given: types, as JSON Schema for whoever is asked, and as values for the flow."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from homeport.runtime.connection import ask, awaited_in_async

T = TypeVar("T")


class RunInput(BaseModel):
    """The base of what a run waits for: `class Approval(RunInput): approved: bool`, then `wait_for_input=Approval`."""

    model_config = ConfigDict(extra="forbid")
    _description: ClassVar[str] = ""

    if TYPE_CHECKING:

        def __await__(self) -> Generator[Any, None, Self]:
            """Only for the checkers: `pause_flow_run` gives one, and in async code a coroutine of one."""

    @classmethod
    def with_initial_data(cls, description: str | None = None, **kwargs: Any) -> type[Self]:
        """The same input with these values as its defaults, and a description for whoever is asked.

        Raises TypeError for a field that it does not have.
        """
        unknown = sorted(set(kwargs) - set(cls.model_fields))
        if unknown:
            raise TypeError(f"{cls.__name__} has no field {unknown[0]!r}; it has: {', '.join(cls.model_fields)}.")
        fields: dict[str, Any] = {name: (cls.model_fields[name].annotation, value) for name, value in kwargs.items()}
        made: type[Self] = create_model(cls.__name__, __base__=cls, __module__=cls.__module__, **fields)
        made._description = description or cls._description
        return made

    @classmethod
    @awaited_in_async
    def load(cls, flow_run_id: str | UUID, key: str | None = None) -> Self:
        """What the run was given, at the pause of this key, else at the last one that was answered.

        Raises LookupError where nothing was, NotConnected, ClientError.
        """
        run = ask("flowRunPauses", {"id": str(flow_run_id)})["flowRun"]
        answered = [one for one in (run or {"pauses": []})["pauses"] if one["outcome"] == "RESUMED"]
        found = [one for one in answered if key in (None, one["key"])]
        if not found:
            where = f" at {key!r}" if key is not None else ""
            raise LookupError(f"Flow run {flow_run_id} was given nothing{where}, or may not be seen from here.")
        return cls.model_validate_json(json.dumps(found[-1]["input"] or {}))


class Wanted(Generic[T]):
    """What `wait_for_input` says."""

    def __init__(self, model: type[BaseModel], *, plain: bool, description: str = "") -> None:
        self._model, self._plain, self.description = model, plain, description

    @classmethod
    def of(cls, wait_for_input: Any) -> Wanted[Any]:
        """For a model, that; for any other type, an object with the one field `value`. Raises TypeError for no type."""
        if isinstance(wait_for_input, type) and issubclass(wait_for_input, BaseModel):
            return cls(wait_for_input, plain=False, description=getattr(wait_for_input, "_description", ""))
        name = getattr(wait_for_input, "__name__", "Value")
        try:
            made = create_model(f"{name}Input", __config__=ConfigDict(extra="forbid"), value=(wait_for_input, ...))
            made.model_json_schema()
        except Exception as error:
            raise TypeError(
                f"wait_for_input must be a type that can be given as JSON, such as str, int or a pydantic model; "
                f"found {wait_for_input!r}."
            ) from error
        return cls(made, plain=True)

    def schema(self) -> dict[str, Any]:
        """What may be given, as JSON Schema of an object. Raises TypeError for what cannot be given as JSON."""
        try:
            return self._model.model_json_schema()
        except Exception as error:
            raise TypeError(f"{self._model.__name__} cannot be given as JSON: {error}") from error

    def value(self, given: dict[str, Any]) -> T:
        """The given object as the wanted type. Raises ValueError that says what does not fit."""
        try:
            made = self._model.model_validate_json(json.dumps(given))
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'input'}: {one['msg']}" for one in error.errors())
            raise ValueError(told) from error
        value: T = made.value if self._plain else made  # type: ignore[attr-defined, assignment]
        return value


__all__ = ["RunInput"]
