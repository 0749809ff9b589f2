"""What a command works with: the settings, and a client made from them when first needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from homeport.client import Client
    from homeport.config import Settings


class Session:
    """One run of the program."""

    def __init__(self, arguments: Mapping[str, str | None], *, no_input: bool = False) -> None:
        self.arguments = dict(arguments)
        self._no_input = no_input

    @cached_property
    def settings(self) -> Settings:
        """The settings, with the options of this command line on top."""
        from homeport.config import load_settings

        return load_settings(self.arguments)

    @cached_property
    def client(self) -> Client:
        """A client with the stored or given key; Unauthenticated when there is none."""
        from homeport.client import Unauthenticated
        from homeport.client.addresses import base_url

        address = base_url(self.settings.api_url)
        if not self.settings.api_key:
            url = self.settings.get("api_url")
            raise Unauthenticated(
                f"There is no API key for {address} (from {url.source}).",
                hint="homeport auth login --key -    (it asks for the key), or set HOMEPORT_API_KEY",
            )
        return self.client_with(self.settings.api_key)

    @property
    def uses_configured_key(self) -> bool:
        """Whether what was asked was asked with the key of the settings, and not with one given to a command."""
        return "client" in self.__dict__

    def client_with(self, key: str | None) -> Client:
        """A client with another key."""
        from homeport.client import Client

        return Client(self.settings.api_url, key, timeout=self.settings.timeout_seconds)

    def execute(self, operation: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The operation's data. A lost connection is tried again for a moment: a restart takes about as long."""
        return self.client.execute(operation, variables, retry_for=1.0)

    @property
    def may_ask(self) -> bool:
        """Whether a person is there to answer a question."""
        return not self._no_input and sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only after a yes; where nobody can be asked, `--yes` must have been given."""
        if yes:
            return
        if not self.may_ask:
            raise click.UsageError(f"{question}\nhint: Nobody can be asked here: add --yes.")
        click.confirm(question, abort=True, err=True)


pass_session = click.make_pass_decorator(Session)


def say(message: str = "", **style: Any) -> None:
    """A line of progress or advice: on stderr, so that stdout holds data only."""
    click.secho(message, err=True, **style)
