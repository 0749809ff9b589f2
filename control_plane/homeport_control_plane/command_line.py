"""The commands of this process: `serve`, which `homeport server start` spawns, `admin-key` and `schema`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

DEFAULT_PORT = 4700
DATABASE_URL = "HOMEPORT_DATABASE_URL"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "schema":
        from homeport_control_plane.api.schema import export

        sys.stdout.write(export())
        return 0
    # A URL on the command line is read by everybody on the machine (`ps`), and its password with it.
    database_url = options.database_url or os.environ.get(DATABASE_URL) or None
    if options.command == "admin-key":
        from homeport_control_plane.server.admin_key import print_admin_key

        return print_admin_key(options.data_dir, database_url, as_json=options.json)
    from homeport_control_plane.server.process import serve
    from homeport_control_plane.server.settings import ServerSettings

    return serve(
        ServerSettings(
            host=options.host,
            port=options.port,
            data_dir=options.data_dir,
            database_url=database_url,
            ready_fd=options.ready_fd,
            die_with_parent=options.die_with_parent,
            log_format=options.log_format,
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m homeport_control_plane", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("schema", help="print schema.graphql")
    serve = commands.add_parser("serve", help="run the control plane in the foreground")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=DEFAULT_PORT)
    serve.add_argument("--ready-fd", type=int, help="file descriptor that gets one line of JSON when ready, or failed")
    serve.add_argument("--die-with-parent", action="store_true", help="end when the process that started this ends")
    serve.add_argument("--log-format", choices=("text", "json"), default="text")
    admin_key = commands.add_parser(
        "admin-key",
        help="make a new admin key of the first tenant and print it, for whoever lost theirs",
        description="Makes a new admin key, named recovery, and prints it once. The server may be running or stopped.",
    )
    admin_key.add_argument("--json", action="store_true", help="print one line of JSON, also when it fails")
    for command in (serve, admin_key):
        command.add_argument("--data-dir", type=Path, default=Path.home() / ".homeport" / "server")
        command.add_argument(
            "--database-url",
            help=f"an existing PostgreSQL; without it, one of our own in the data folder. "
            f"{DATABASE_URL} in the environment says the same, and hides the password from `ps`",
        )
    return parser
