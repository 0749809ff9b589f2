"""`homeport agent`: start agents, and see which there are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from homeport.cli.failures import CommandError
from homeport.cli.groups import CommandGroup, Entry
from homeport.cli.session import Session, pass_session, say

Function = TypeVar("Function", bound=Callable[..., Any])

LS = {"ls": Entry("homeport.cli.get:agents", "List agents: health, queues, labels, how many runs they hold.")}


def start_options(command: Function) -> Function:
    """The options of every kind of agent."""
    for option in reversed(
        [
            click.option(
                "--queue", "-q", "queues", multiple=True, metavar="QUEUE", help="Serve this queue (repeatable)."
            ),
            click.option(
                "--label", "-l", "labels", multiple=True, help="Take runs that ask for this label (repeatable)."
            ),
            click.option("--name", metavar="NAME", help="The agent's name. Default: local-HOST."),
            click.option(
                "--env", "-e", "env", multiple=True, metavar="K=V", help="Set this for every run (repeatable)."
            ),
            click.option(
                "--import-path",
                "-p",
                "import_paths",
                multiple=True,
                metavar="FOLDER",
                type=click.Path(exists=True, path_type=Path, resolve_path=True),
                help="Modules of this machine that runs may import (repeatable): put on their PYTHONPATH.",
            ),
            click.option("--limit", type=click.IntRange(1, 10_000), help="Runs at once. Default: two for each core."),
            click.option("--max-polls", type=click.IntRange(1), help="Drain and end after so many polls."),
            click.option("--agent-address", metavar="HOST:PORT", help="Serve /healthz there."),
            click.option("--show-flow-logs", "-f", is_flag=True, help="Copy what runs write to stdout and stderr."),
            click.option(
                "--api", metavar="URL", help="Address of the control plane, as `homeport --api URL agent ...`."
            ),
            click.option("--key", "-k", metavar="KEY", help="API key of the agent; `-` reads it from stdin."),
            # 1.x gave an agent its host name as a label unless told otherwise; here none is ever given in secret.
            click.option("--no-hostname-label", is_flag=True, hidden=True, expose_value=False),
        ]
    ):
        command = option(command)
    return command


@click.group(cls=CommandGroup, entries=LS)
def agent() -> None:
    """Start agents, and see which there are."""


@agent.group(cls=CommandGroup)
def local() -> None:
    """Agents that start runs as processes on this machine."""


@local.command("start")
@start_options
@pass_session
def local_start(session: Session, /, **given: Any) -> int:
    """Start an agent that runs flows as processes on this machine.

    \b
    homeport agent start -q default
    homeport agent start -q nightly -l gpu --name plant-2 --limit 4
    """
    return _start(session, **given)


@agent.command("start")
@start_options
@pass_session
def start(session: Session, /, **given: Any) -> int:
    """Start a local agent (the same as `agent local start`).

    \b
    homeport agent start -q default
    homeport agent start -q nightly -l gpu --name plant-2 --limit 4
    """
    return _start(session, **given)


def _start(
    session: Session,
    *,
    queues: tuple[str, ...],
    labels: tuple[str, ...],
    name: str | None,
    env: tuple[str, ...],
    import_paths: tuple[Path, ...],
    limit: int | None,
    max_polls: int | None,
    agent_address: str | None,
    show_flow_logs: bool,
    api: str | None,
    key: str | None,
) -> int:
    from homeport_agent.name_lock import NameTaken
    from homeport_agent.options import AgentOptions
    from homeport_agent.service import run_agent

    if not all(queue.strip() for queue in queues):
        raise click.BadParameter("a work queue's name must not be empty.", param_hint="--queue")
    if api is not None:
        session.arguments["api_url"] = api
    options = AgentOptions(
        api_url=session.settings.api_url,
        api_key=_key(session, key),
        home=session.settings.home,
        name=name or "",
        queues=queues or (session.settings.queue,),
        labels=labels,
        environment=_environment(dict(_pair(pair) for pair in env), import_paths),
        limit=limit or 0,
        max_polls=max_polls,
        health_address=_address(agent_address),
        show_flow_logs=show_flow_logs,
    )
    try:
        return run_agent(options)
    except NameTaken as error:
        raise CommandError(str(error), code=2) from None
    except OSError as error:
        if error.filename is not None:
            raise CommandError(
                f"The agent cannot write to its home folder: {error.filename}: {error.strerror}.",
                hint="Mend its permissions, or choose another: HOMEPORT_HOME=/folder homeport agent start ...",
            ) from None
        if agent_address is None:
            raise
        raise CommandError(f"--agent-address {agent_address} cannot be served: {error.strerror}.", code=2) from None


def _key(session: Session, given: str | None) -> str:
    if given == "-":
        given = sys.stdin.readline().strip()
    elif given:
        say("Note: a key on the command line is seen by `ps` and kept by the shell; --key - reads it.", fg="yellow")
    found = given or session.settings.api_key
    if not found:
        raise CommandError(
            f"There is no API key for {session.settings.api_url}.",
            hint="Make one with `homeport auth create-key --role agent -n NAME`, and set HOMEPORT_API_KEY to it.",
            code=4,
        )
    return found


def _environment(given: dict[str, str], import_paths: tuple[Path, ...]) -> dict[str, str]:
    if not import_paths:
        return given
    before = given.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    return given | {"PYTHONPATH": os.pathsep.join(filter(None, [*map(str, import_paths), before]))}


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--env")
    return name, value


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.removeprefix("http://").rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"{text!r} is not HOST:PORT.", param_hint="--agent-address")
    return host.strip("[]") or "127.0.0.1", int(port)
