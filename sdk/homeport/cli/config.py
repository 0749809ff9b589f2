"""`homeport config`: the settings, where each comes from, and changing those of the profile in use."""

from __future__ import annotations

import click

from homeport.cli.groups import CommandGroup
from homeport.cli.printing import Column, DataCommand, rows
from homeport.cli.session import Session, pass_session, say


@click.group(cls=CommandGroup)
def config() -> None:
    """Show and change settings."""


@config.command(cls=DataCommand, fields=("name", "value", "source", "variable", "about"))
@click.option("--show-sources/--hide-sources", default=True, help="Whether to say where each value comes from.")
@pass_session
def view(session: Session, show_sources: bool, fields: str | None) -> None:
    """Show every setting as it holds here and now."""
    from homeport.config.definitions import SETTINGS

    settings = session.settings
    nodes = [
        {
            "name": setting.name,
            "value": _shown(session, setting.name),
            "source": (settings.key() if setting.secret else settings.get(setting.name)).source,
            "variable": setting.variable,
            "about": setting.about,
        }
        for setting in SETTINGS.values()
    ]
    columns = [Column("name", lambda node: node["name"]), Column("value", lambda node: node["value"])]
    if show_sources:
        columns.append(Column("from", lambda node: node["source"], may_shrink=True))
    rows(nodes, columns, fields)


@config.command("set")
@click.argument("pairs", nargs=-1, required=True, metavar="NAME=VALUE...")
@pass_session
def set_(session: Session, pairs: tuple[str, ...]) -> None:
    """Write settings into the profile in use.

    \b
    homeport config set api_url=https://homeport.example.com queue=nightly
    """
    from homeport.client.addresses import base_url
    from homeport.client.errors import InvalidAddress
    from homeport.config import profiles

    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(
                f"{pair!r} is not NAME=VALUE.\nhint: homeport config set api_url=http://127.0.0.1:4700"
            )
        plain = name.strip().lower().replace("-", "_").removeprefix("homeport_")
        try:
            value = base_url(value) if plain == "api_url" else value
        except InvalidAddress as error:
            raise click.UsageError(f"{error.message}\nhint: {error.hint}") from None
        profiles.set_value(session.settings.home, session.settings.profile, name, value)
        say(f"Set {plain} in profile {session.settings.profile}.")


@config.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@pass_session
def unset(session: Session, names: tuple[str, ...]) -> None:
    """Remove settings from the profile in use."""
    from homeport.config import profiles

    for name in names:
        profiles.set_value(session.settings.home, session.settings.profile, name, None)
        say(f"Unset {name} in profile {session.settings.profile}.")


def _shown(session: Session, name: str) -> str | None:
    from homeport.client.addresses import printable

    settings = session.settings
    if name == "api_key":
        key = settings.api_key
        # The part that names the key, which is no secret: hp_<kind>_<id>
        return "_".join(key.split("_")[:3]) + "_..." if key else None
    if name == "home":
        return str(settings.home)
    if name == "storage":
        return str(settings.storage)
    value = settings.get(name).value
    return printable(value) if name == "api_url" and value else value
