"""`homeport profile`: several control planes, one command to change between them."""

from __future__ import annotations

import click

from homeport.cli.groups import CommandGroup
from homeport.cli.printing import Column, DataCommand, record, rows
from homeport.cli.session import Session, pass_session, say


@click.group(cls=CommandGroup)
def profile() -> None:
    """Keep settings for several control planes."""


@profile.command("ls", cls=DataCommand, fields=("name", "inUse", "settings"))
@pass_session
def ls(session: Session, fields: str | None) -> None:
    """List the profiles."""
    from homeport.config import profiles

    known = profiles.read(session.settings.home)
    nodes = [
        {"name": name, "inUse": name == session.settings.profile, "settings": dict(values)}
        for name, values in known.values.items()
    ]
    columns = [
        Column("name", lambda node: node["name"]),
        Column("in use", lambda node: "yes" if node["inUse"] else ""),
        Column("control plane", lambda node: node["settings"].get("api_url", "")),
    ]
    rows(nodes, columns, fields)


@profile.command()
@click.argument("name")
@click.option("--from", "copy_of", metavar="PROFILE", help="Start with this profile's settings.")
@click.option("--api", metavar="URL", help="Address of its control plane.")
@click.option("--use", "use_it", is_flag=True, help="Use it from now on.")
@pass_session
def create(session: Session, name: str, copy_of: str | None, api: str | None, use_it: bool) -> None:
    """Add a profile.

    \b
    homeport profile create prod --api https://homeport.example.com --use
    """
    from homeport.client.addresses import base_url
    from homeport.config import profiles

    url = base_url(api) if api else None
    home = session.settings.home
    profiles.create(home, name, copy_of=copy_of)
    if url:
        profiles.set_value(home, name, "api_url", url)
    if use_it:
        profiles.use(home, name)
    say(f"Created profile {name}." + ("" if use_it else f" Use it with: homeport profile use {name}"))


@profile.command()
@click.argument("name")
@pass_session
def use(session: Session, name: str) -> None:
    """Use a profile from now on."""
    from homeport.config import profiles

    profiles.use(session.settings.home, name)
    say(f"Using profile {name}.")


@profile.command()
@click.argument("name")
@pass_session
def delete(session: Session, name: str) -> None:
    """Remove a profile that is not in use."""
    from homeport.config import profiles

    profiles.delete(session.settings.home, name)
    say(f"Deleted profile {name}.")


@profile.command()
@click.argument("name")
@click.argument("new")
@pass_session
def rename(session: Session, name: str, new: str) -> None:
    """Give a profile another name. Its stored key stays behind: log in again."""
    from homeport.config import profiles

    profiles.rename(session.settings.home, name, new)
    say(f"Renamed profile {name} to {new}.")


@profile.command(cls=DataCommand)
@click.argument("name", required=False)
@pass_session
def inspect(session: Session, name: str | None, fields: str | None) -> None:
    """Show a profile's own settings."""
    from homeport.config import profiles

    home = session.settings.home
    name = profiles.require(home, name or session.settings.profile)
    values = dict(profiles.read(home).values[name])
    record(values, values.items(), fields)
