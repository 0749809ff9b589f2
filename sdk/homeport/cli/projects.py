"""`homeport create project` and `homeport delete project`."""

from __future__ import annotations

import shlex

import click

from homeport.cli.groups import CommandGroup
from homeport.cli.printing import DataCommand, record
from homeport.cli.session import Session, pass_session, say


@click.group(cls=CommandGroup)
def create() -> None:
    """Create a project."""


@create.command("project", cls=DataCommand, fields=("id", "name", "description", "createdAt"))
@click.argument("name")
@click.option("--description", "-d", default="", help="What it is for.")
@click.option("--skip-if-exists", is_flag=True, help="Succeed when there is one of that name already.")
@pass_session
def create_project(session: Session, name: str, description: str, skip_if_exists: bool, fields: str | None) -> None:
    """Create the project NAME."""
    from homeport.client import expect

    given = {"name": name, "description": description, "skipIfExists": skip_if_exists}
    made = expect(session.execute("createProject", {"input": given})["createProject"], "ProjectCreated")
    project = made["project"]
    if fields is not None:
        record(project, [], fields)
    elif made["created"]:
        say(f"Created project {project['name']}.", fg="green")
        say(f"Next: homeport register --project {shlex.quote(project['name'])} -p flow.py")
    else:
        say(f"Project {project['name']} exists already.")


@click.group(cls=CommandGroup)
def delete() -> None:
    """Delete a project."""


@delete.command("project")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_session
def delete_project(session: Session, name: str, yes: bool) -> None:
    """Delete the project NAME with its flows and the history of their runs."""
    from homeport.client import expect

    session.confirm(f"Delete project {name}, its flows and the history of their runs?", yes=yes)
    expect(session.execute("deleteProject", {"input": {"name": name}})["deleteProject"], "ProjectDeleted")
    say(f"Deleted project {name}.", fg="green")
