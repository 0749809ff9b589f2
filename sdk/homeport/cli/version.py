"""`homeport version`: this program's version, Python's, and the control plane's when it can be asked."""

from __future__ import annotations

import platform

import click

import homeport
from homeport.cli.printing import DataCommand, record
from homeport.cli.session import Session, pass_session


@click.command(cls=DataCommand, fields=("homeport", "python", "platform", "server"))
@pass_session
def version(session: Session, fields: str | None) -> None:
    """Show the versions of this program and of the control plane."""
    node = {
        "homeport": homeport.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    server, why = _server_version(session)
    record({**node, "server": server}, [*node.items(), ("server", server or why)], fields)


def _server_version(session: Session) -> tuple[str | None, str]:
    """The control plane's version, and where it is not known, why."""
    from homeport.client.errors import ClientError, Unreachable

    try:
        return str(session.client.execute("viewer", timeout=3.0)["viewer"]["serverVersion"]), ""
    except Unreachable:
        return None, "not reachable"
    except ClientError as error:
        return None, f"not told: {error.message}"
