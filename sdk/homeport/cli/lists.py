"""Lists of the control plane, page by page up to a limit, and the one thing that a person meant by a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from homeport.cli.failures import NOT_FOUND, CommandError
from homeport.cli.session import Session, say

PAGE = 200
CANDIDATES = 20  # of a word that means several runs, so many are shown
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def fetch(
    session: Session, operation: str, limit: int, filter: Mapping[str, Any] | None = None, **variables: Any
) -> Iterator[dict[str, Any]]:
    """The nodes of a list, at most `limit` of them; what is None in the filter is left out."""
    asked = {name: value for name, value in (filter or {}).items() if value not in (None, [], ())}
    if filter is not None:
        variables["filter"] = asked
    after: str | None = None
    while limit > 0:
        answer = session.execute(operation, {**variables, "first": min(limit, PAGE), "after": after})
        page = answer[operation]
        yield from page["nodes"]
        limit -= len(page["nodes"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"] or not after:
            return


def shown(
    session: Session, operation: str, limit: int, filter: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The nodes of a list that a person asked for; where there are more than `limit`, they are told so."""
    found = list(fetch(session, operation, limit + 1, filter))
    if len(found) > limit:
        say(f"Only the first {limit} are shown: there are more (--limit NUMBER).", dim=True)
    return found[:limit]


def run_id(session: Session, ref: str) -> str:
    """The id of the flow run that a full id, a unique prefix of one, a run's name or the URL of its page means."""
    ref = ref.strip()
    if "/" in ref:  # a page's address, with whatever filter stood behind it
        ref = re.split(r"[?#]", ref)[0].rstrip("/").rsplit("/", 1)[-1]
    if _UUID.fullmatch(ref):
        return ref
    found = list(fetch(session, "flowRuns", CANDIDATES + 1, {"ref": ref}))
    if len(found) == 1:
        return str(found[0]["id"])
    if not found:
        raise CommandError(f"There is no flow run {ref!r}.", hint="List them: homeport flow-run ls", code=NOT_FOUND)
    which = "".join(
        f"\n  {run['id']}  {run['name']}  {run['state']['name']}  of {run['project']['name']}/{run['flow']['name']}"
        for run in found[:CANDIDATES]
    )
    more = "\n  ..." if len(found) > CANDIDATES else ""
    raise CommandError(
        f"{ref!r} means more than one flow run:{which}{more}", hint="Name the one you mean by its id.", code=NOT_FOUND
    )


def flow_run(session: Session, ref: str, operation: str = "flowRun") -> dict[str, Any]:
    """The flow run that a person meant; CommandError when there is none."""
    found = session.execute(operation, {"id": run_id(session, ref)})["flowRun"]
    if found is None:
        raise CommandError(f"There is no flow run {ref!r}.", hint="List them: homeport flow-run ls", code=NOT_FOUND)
    return dict(found)
