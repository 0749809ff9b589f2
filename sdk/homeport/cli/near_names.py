"""What a person may have meant by a name that nothing has: the nearest of those that there are."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from homeport.cli import lists
from homeport.cli.session import Session

LOOKED_THROUGH = 1000
_NAMED: dict[str, tuple[str, Mapping[str, Any] | None, Callable[[dict[str, Any]], str]]] = {
    "block": ("blocks", {}, lambda node: f"{node['type']['slug']}/{node['name']}"),
    "deployment": (
        "deployments",
        {},
        lambda node: f"{node['flow']['project']['name']}/{node['flow']['name']}/{node['name']}",
    ),
    "flow": ("flows", {}, lambda node: str(node["name"])),
    "key": ("keyValues", {}, lambda node: str(node["key"])),
    "project": ("projects", {}, lambda node: str(node["name"])),
    "work queue": ("workQueues", None, lambda node: str(node["name"])),
}


def among(wanted: str, names: Iterable[str]) -> str | None:
    """`Did you mean x or y?`; None where nothing is near. What differs by case alone is near."""
    shown = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(wanted.casefold(), shown, 3, cutoff=0.6)
    return f"Did you mean {' or '.join(shown[name] for name in near)}?" if near else None


def unknown(session: Session, **filters: str | None) -> str:
    """Of the filters of a list that came out empty, a word on what does not exist at all; empty when all is there."""
    from homeport.client.errors import ClientError

    for kind, wanted in ((name.replace("_", " "), value) for name, value in filters.items()):
        if wanted is None:
            continue
        operation, chosen, name = _NAMED[kind]
        try:
            names = [name(node) for node in lists.fetch(session, operation, LOOKED_THROUGH, chosen)]
        except ClientError:
            return ""
        if wanted not in names and len(names) < LOOKED_THROUGH:
            return f"There is no {kind} {wanted!r}. {among(wanted, names) or ''}".rstrip()
    return ""


def hint(session: Session, kind: str, wanted: str) -> str | None:
    """The same of what the control plane has of this kind; None where it has nothing like it, or may not be asked."""
    from homeport.client.errors import ClientError

    if kind not in _NAMED:
        return None
    operation, chosen, name = _NAMED[kind]
    try:
        return among(wanted, [name(node) for node in lists.fetch(session, operation, LOOKED_THROUGH, chosen)])
    except ClientError:
        return None
