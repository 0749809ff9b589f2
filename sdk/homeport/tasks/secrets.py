"""Secrets as tasks of a `with Flow` block: resolved when the run runs, on the machine where it runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from homeport.engine.masking import mask_from_now_on
from homeport.secrets import Secret as NamedSecret
from homeport.secrets import SecretNotFound
from homeport.tasks.task_class import Task


class SecretBase(Task[..., Any]):
    """The base of tasks whose result is a secret: it is never kept, whatever the flow says of results."""

    def __init__(self, name: str | None = None, **options: Any) -> None:
        options = {"persist_result": False, "checkpoint": False, **options}
        super().__init__(name, **options)


class Secret(SecretBase):
    """`Secret("NAME")`: the value of the secret of that name, looked for as `homeport.client.Secret` does."""

    def __init__(self, name: str | None = None, **options: Any) -> None:
        self.secret_name = name
        super().__init__(name, **options)

    def run(self, name: str | None = None) -> Any:
        """The value. Raises SecretNotFound, which says where it looked."""
        wanted = name or self.secret_name
        if not wanted:
            raise ValueError("A secret needs a name: Secret('NAME').")
        return NamedSecret(wanted).get()


class HomeportSecret(Secret):
    """Another name of Secret."""


PrefectSecret = HomeportSecret


class EnvVarSecret(SecretBase):
    """The value of an environment variable, turned into another type by `cast`.

    A variable that is not set gives None, or with `raise_if_missing` SecretNotFound (a ValueError).
    """

    def __init__(
        self,
        name: str | None = None,
        env_var: str | None = None,
        cast: Callable[[str], Any] | None = None,
        raise_if_missing: bool = False,
        **options: Any,
    ) -> None:
        self.env_var, self.cast, self.raise_if_missing = env_var or name, cast, raise_if_missing
        super().__init__(name or env_var, **options)

    def run(self, name: str | None = None) -> Any:
        """The value, or None."""
        wanted = name or self.env_var
        if not wanted:
            raise ValueError("EnvVarSecret needs the name of a variable: EnvVarSecret('NAME').")
        value = os.environ.get(wanted)
        if value is None:
            if self.raise_if_missing:
                raise SecretNotFound(wanted, f"Environment variable not set: {wanted}")
            return None
        mask_from_now_on(value)
        return value if self.cast is None else self.cast(value)


__all__ = ["EnvVarSecret", "HomeportSecret", "PrefectSecret", "Secret", "SecretBase"]
