"""`homeport server`: a control plane on this machine, in the foreground or in the background."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

from homeport.cli import process_identity, times
from homeport.cli.failures import CommandError
from homeport.cli.groups import CommandGroup
from homeport.cli.printing import DataCommand, record
from homeport.cli.server_admin_key import create_admin_key, database_options, keep_admin_key
from homeport.cli.server_folder import Running, ServerFolder
from homeport.cli.server_process import (
    Launch,
    require_free,
    require_installed,
    spawn,
    wait_until_ready,
)
from homeport.cli.server_process import (
    stop as stop_process,
)
from homeport.cli.session import Session, pass_session, say

STATUS_FIELDS = (
    "running",
    "url",
    "pid",
    "version",
    "database",
    "startedAt",
    "uptimeSeconds",
    "dataDir",
    "databaseDir",
    "log",
)


@click.group(cls=CommandGroup)
def server() -> None:
    """Start, stop and look at a control plane on this machine."""


server.add_command(create_admin_key)


@server.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=4700, show_default=True, type=click.IntRange(0, 65535))
@database_options
@click.option("--detach", "-d", is_flag=True, help="Run in the background.")
@pass_session
def start(
    session: Session, host: str, port: int, database_url: str | None, data_dir: Path | None, detach: bool
) -> None:
    """Start a control plane. The first start prints an admin key, once, and keeps it for this user.

    \b
    homeport server start --detach
    homeport server start --host 0.0.0.0 --database-url postgresql://homeport@db/homeport
    """
    require_installed()
    folder = _folder(session)
    running = folder.running()
    if running:
        raise CommandError(
            f"A control plane of this home folder runs already: {running.url} (pid {running.pid}).",
            hint="homeport server status    or: homeport server stop",
        )
    if port:
        require_free(host, port)
    launch = Launch(host, port, (data_dir or folder.data).absolute(), database_url)
    folder.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    say("Starting the control plane ...", dim=True)
    if detach:
        _start_in_background(session, folder, launch)
    else:
        sys.exit(_run_in_foreground(session, folder, launch))


@server.command()
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for its end.")
@pass_session
def stop(session: Session, timeout: float) -> None:
    """Stop the control plane, and its own PostgreSQL with it."""
    folder = _folder(session)
    running = folder.running()
    if running is None:
        say("No control plane of this home folder runs.")
        return
    if not stop_process(running, within=timeout):
        raise CommandError(
            f"The control plane (pid {running.pid}) still runs after {timeout:.0f} s.",
            hint=f"It may be finishing requests; see: homeport server logs    or end it: kill -9 {running.pid}",
        )
    folder.forget()
    say(f"Stopped the control plane at {running.url}.", fg="green")


@server.command(cls=DataCommand, fields=STATUS_FIELDS)
@pass_session
def status(session: Session, fields: str | None) -> None:
    """Show whether a control plane runs here. Exit code 1 when none does."""
    running = _folder(session).running()
    node: dict[str, Any] = {"running": running is not None}
    if running:
        age = (datetime.now(UTC) - times.parse(running.started_at)).total_seconds()
        node |= {
            "url": running.url,
            "pid": running.pid,
            "version": running.version,
            "database": running.database,
            "startedAt": running.started_at,
            "uptimeSeconds": round(age, 1),
            "dataDir": running.data_dir,
            "databaseDir": running.place or None,
            "log": running.log,
        }
        lines = [
            ("Running", running.url),
            ("Process", f"pid {running.pid}, for {times.duration(age)}"),
            ("Version", running.version),
            ("Database", f"{running.database} ({running.place})" if running.place else running.database),
            ("Log", running.log or "in the terminal it was started in"),
        ]
        record(node, lines, fields)
        return
    record(node, [("Running", "no")], fields)
    if fields is None:
        say("Start one: homeport server start --detach")
    sys.exit(1)


@server.command()
@click.option("--follow", "-f", is_flag=True, help="Go on as lines are written.")
@click.option(
    "--tail", "-n", default=100, show_default=True, type=click.IntRange(0), help="How many lines of the past."
)
@pass_session
def logs(session: Session, follow: bool, tail: int) -> None:
    """Show the log of a control plane that runs in the background."""
    path = _folder(session).log
    if not path.exists():
        raise CommandError(f"There is no log {path}.", hint="homeport server start --detach    writes one", code=3)
    command = ["tail", "-n", str(tail), *(["-F"] if follow else []), str(path)]
    try:
        sys.exit(subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode)
    except KeyboardInterrupt:
        sys.exit(130)


def _start_in_background(session: Session, folder: ServerFolder, launch: Launch) -> None:
    with folder.log.open("ab") as log:
        process, ready = spawn(launch, log=log)
    try:
        answer = wait_until_ready(process, ready)
    except BaseException as error:
        process.terminate()
        if isinstance(error, CommandError) and not error.hint:
            error.hint = f"See {folder.log}"
        raise
    _welcome(session, _remembered(folder, process, launch, answer, log=str(folder.log)), answer)


def _run_in_foreground(session: Session, folder: ServerFolder, launch: Launch) -> int:
    process, ready = spawn(launch, log=None)

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    previous = signal.signal(signal.SIGTERM, pass_on)
    try:
        answer = wait_until_ready(process, ready)
        _welcome(session, _remembered(folder, process, launch, answer, log=None), answer)
        say("Stop it with Ctrl-C.")
        return process.wait()
    except KeyboardInterrupt:
        # The terminal sent the signal to the whole group, so the control plane is ending already.
        return 0 if process.wait() in (0, -signal.SIGINT) else 1
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        signal.signal(signal.SIGTERM, previous)
        folder.forget()


def _remembered(
    folder: ServerFolder, process: subprocess.Popen[bytes], launch: Launch, answer: dict[str, Any], *, log: str | None
) -> Running:
    pid = int(answer.get("pid") or process.pid)
    running = Running(
        pid=pid,
        started=process_identity.started(pid),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        url=str(answer["url"]),
        version=str(answer.get("version", "")),
        database=str(answer.get("database", "")),
        data_dir=str(launch.data_dir),
        log=log,
        place=str(answer.get("place", "")),
    )
    folder.remember(running)
    return running


def _welcome(session: Session, running: Running, answer: dict[str, Any]) -> None:
    """Say where it is, show the admin key if one was made, and what to type next."""
    say(f"Homeport {running.version} is ready at {running.url} (database: {running.database}).", fg="green")
    if running.place not in ("", running.data_dir):
        # PostgreSQL does not run as root, and who it runs as instead may not enter root's folders.
        say(f"Its database lies in {running.place}: PostgreSQL's user cannot enter {running.data_dir}.")
    folder = _folder(session)
    previous = folder.previous_url(running.data_dir)
    folder.remember_url(running.data_dir, running.url)
    _point_profile_at(session, running.url, previous)
    key = answer.get("admin_key")
    if key:
        keep_admin_key(session, running.url, str(key))
    elif previous is not None and previous != running.url:
        _take_key_along(session, previous, running.url)
    say("Next: homeport create project Demo    then: homeport agent start -q default")


def _take_key_along(session: Session, previous: str, url: str) -> None:
    """The same control plane on another port knows the same key."""
    from homeport.config import Credentials

    credentials = Credentials(session.settings.home)
    key = credentials.find(session.settings.profile, previous).value
    if key and not credentials.find(session.settings.profile, url).value:
        credentials.store(session.settings.profile, url, key)


def _point_profile_at(session: Session, url: str, previous: str | None) -> None:
    """Commands after this one should find the new control plane, unless somebody decided where they should look."""
    from homeport.config import profiles

    configured = session.settings.get("api_url")
    if configured.value == url:
        return
    if configured.origin == "default" or (configured.origin == "profile" and configured.value == previous):
        profiles.set_value(session.settings.home, session.settings.profile, "api_url", url)
        say(f"Profile {session.settings.profile} now points at {url}.")
    else:
        say(f"Note: commands use {configured.value} (from {configured.source}). For this one: --api {url}", fg="yellow")


def _folder(session: Session) -> ServerFolder:
    return ServerFolder(session.settings.home / "server")
