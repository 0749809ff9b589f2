"""The admin key of a control plane on this machine: kept for its user, and made anew when it is lost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from homeport.cli.failures import CommandError
from homeport.cli.server_folder import ServerFolder
from homeport.cli.server_process import DATABASE_URL, new_admin_key, require_installed
from homeport.cli.session import Session, pass_session, say

Function = TypeVar("Function", bound=Callable[..., Any])


def _warn_of_password(context: click.Context, parameter: click.Parameter, url: str | None) -> str | None:
    given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    if url and given and ":" in url.partition("://")[2].rpartition("@")[0]:
        say(
            f"Note: a password on the command line is seen by `ps` and kept by the shell; set {DATABASE_URL}.",
            fg="yellow",
        )
    return url


def database_options(command: Function) -> Function:
    """The options that say which database is meant."""
    url = click.option(
        "--database-url",
        metavar="URL",
        envvar=DATABASE_URL,
        show_envvar=True,
        help="An existing PostgreSQL; else one of our own in the data folder.",
        callback=_warn_of_password,
    )
    folder = click.option(
        "--data-dir", type=click.Path(path_type=Path), help="Folder of the data. Default: in HOMEPORT_HOME."
    )
    return url(folder(command))


@click.command("create-admin-key")
@database_options
@pass_session
def create_admin_key(session: Session, database_url: str | None, data_dir: Path | None) -> None:
    """Make a new admin key, for when the first one is lost.

    It goes by way of the database, so it works without any key, whether the control plane runs or not. The new key
    is named recovery, is printed once, and is kept for this user. The lost one stays good until it is revoked:
    `homeport auth list-keys`, `homeport auth revoke-key`.
    """
    require_installed()
    folder = ServerFolder(session.settings.home / "server")
    running = folder.running()
    if running and data_dir is None and database_url is None and running.database != "embedded":
        raise CommandError(
            "The control plane that runs here uses a PostgreSQL of yours, whose address is not kept.",
            hint=f"Set {DATABASE_URL} to it.",
        )
    where = (data_dir or Path(running.data_dir if running else folder.data)).absolute()
    key = new_admin_key(where, database_url)
    ours = running is not None and (data_dir is None or running.data_dir == str(where))
    url = running.url if running and ours else folder.previous_url(str(where))
    keep_admin_key(session, url or session.settings.api_url, key)


def keep_admin_key(session: Session, url: str, key: str) -> None:
    """Show a new admin key, once, and keep it for this user."""
    from homeport.config import Credentials

    where = Credentials(session.settings.home).store(session.settings.profile, url, key)
    say("The admin key, shown this once:")
    click.echo(key)
    sys.stdout.flush()
    say(f"It is kept in {where}, for {url}.")
