"""Names that the control plane knows, for a shell that completes them: blocks and deployments.

A shell waits for the answer with the cursor in the line: who is not logged in, or has no control plane in reach, gets
no proposals, and soon.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SECONDS = 2.0
MOST = 1000


def complete_blocks(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """TYPE/NAME: types until there is a slash, then the blocks of that type; of each block, what it is."""
    from homeport.blocks.types import canonical, slugs

    type_, slash, _ = typed.partition("/")
    if not slash:
        return _items([(f"{slug}/", "") for slug in slugs()], typed)
    found = _nodes(context, "blocks", {"filter": {"type": canonical(type_)}})
    return _items(((f"{type_}/{node['name']}", node["type"]["title"]) for node in found), typed)


def complete_deployments(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """FLOW/NAME of every deployment; PROJECT/FLOW/NAME where several projects have it."""
    whole: dict[str, list[str]] = {}
    for node in _nodes(context, "deployments", {}):
        named = f"{node['flow']['name']}/{node['name']}"
        whole.setdefault(named, []).append(node["flow"]["project"]["name"])
    one = ((named, projects[0]) for named, projects in whole.items() if len(projects) == 1)
    several = ((f"{project}/{named}", project) for named, of in whole.items() if len(of) > 1 for project in of)
    return _items((*one, *several), typed)


def _items(found: Any, typed: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    # A name with a space in it would be torn by the shell.
    return [
        CompletionItem(name, help=about or None)
        for name, about in sorted(found)
        if name.startswith(typed) and not any(letter.isspace() for letter in name)
    ]


def _nodes(context: click.Context, operation: str, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from homeport.cli.session import Session
    from homeport.client.errors import ClientError

    given = context.find_root().params
    session = Session({name: given.get(name) for name in ("profile", "api_url")}, no_input=True)
    try:
        answer = session.client.execute(operation, {**variables, "first": MOST}, timeout=SECONDS)
        yield from answer[operation]["nodes"]
    except (ClientError, ValueError, OSError):
        return
