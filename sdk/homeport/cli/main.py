"""The program: its commands, the options that all of them share, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

import homeport
from homeport.cli.groups import CommandGroup, Entry
from homeport.cli.session import Session

_HERE = "homeport.cli"
ENTRIES = {
    "server": Entry(f"{_HERE}.server:server", "Start, stop and look at a control plane on this machine."),
    "auth": Entry(f"{_HERE}.auth:auth", "Log in, and manage API keys."),
    "create": Entry(f"{_HERE}.projects:create", "Create a project."),
    "delete": Entry(f"{_HERE}.projects:delete", "Delete a project."),
    "get": Entry(f"{_HERE}.get:get", "List projects, flows, runs, deployments, agents, queues."),
    "describe": Entry(f"{_HERE}.describe:describe", "Show everything about one flow, run or deployment."),
    "register": Entry(f"{_HERE}.register:register", "Store flows' code and tell the control plane about them."),
    "deployment": Entry(f"{_HERE}.deployment:deployment", "Deployments from YAML: build, apply, run, schedule, pause."),
    "run": Entry(f"{_HERE}.run:run", "Run a flow: on an agent, here, or without any control plane."),
    "flow-run": Entry(f"{_HERE}.flow_run:flow_run", "List, inspect, follow, cancel, resume and retry runs."),
    "logs": Entry(f"{_HERE}.flow_run_logs:logs", "Show or follow a run's log (flow-run logs)."),
    "explain": Entry(f"{_HERE}.explain:explain", "Say why a run is not running yet (run explain)."),
    "agent": Entry("homeport.commands", "Start agents, and see which there are.", entry_point=True),
    "block": Entry(f"{_HERE}.block:block", "Create, check and change blocks: named storage and infrastructure."),
    "artifact": Entry(f"{_HERE}.artifact:artifact", "List and show artifacts of runs."),
    "kv": Entry(f"{_HERE}.kv:kv", "Set, get, list and delete values that flows keep by key."),
    "work-queue": Entry(f"{_HERE}.work_queue:work_queue", "Create, pause and limit work queues."),
    "doctor": Entry(f"{_HERE}.doctor:doctor", "Find out what is wrong: settings, connection, key, agents, a run."),
    "config": Entry(f"{_HERE}.config:config", "Show and change settings."),
    "profile": Entry(f"{_HERE}.profile:profile", "Keep settings for several control planes."),
    "completion": Entry(f"{_HERE}.completion:completion", "Print the script that completes commands in a shell."),
    "version": Entry(f"{_HERE}.version:version", "Show the versions of this program and of the control plane."),
}


@click.group(
    cls=CommandGroup,
    entries=ENTRIES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(homeport.__version__, "-V", "--version", prog_name="homeport", message="%(prog)s %(version)s")
@click.option("--profile", metavar="NAME", help="Use this profile's settings.")
@click.option("--api", "api_url", metavar="URL", help="Address of the control plane.")
@click.option("--no-input", is_flag=True, help="Never ask: fail where a question would be needed.")
@click.pass_context
def cli(context: click.Context, profile: str | None, api_url: str | None, no_input: bool) -> None:
    """Homeport runs your Python flows in your own network.

    \b
    A first run:
      homeport server start --detach
      homeport create project Demo
      homeport register --project Demo -p flow.py
      homeport agent start -q default
      homeport run NAME --watch

    \b
    Exit codes: 0 ok, 1 the run or the command failed, 2 usage, 3 not found, 4 not allowed, 5 unreachable,
      6 the time to watch is up, 130 interrupted.
    """
    context.obj = Session({"profile": profile, "api_url": api_url}, no_input=no_input)
    if os.environ.get("NO_COLOR"):
        context.color = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit with its code; a mistake is told in words, never by a traceback."""
    from homeport.cli import failures

    sys.exit(failures.guarded(cli, list(sys.argv[1:] if arguments is None else arguments)))


if __name__ == "__main__":
    main()
