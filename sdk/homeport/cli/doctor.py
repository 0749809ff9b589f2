"""`homeport doctor`: each step from this machine to a running flow, in order, with a mend for what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click

import homeport
from homeport.cli import lists, text, times
from homeport.cli.failures import FAILED
from homeport.cli.printing import DataCommand, chosen
from homeport.cli.session import Session, pass_session

# The kinds of key that may look at agents and runs.
_READERS = frozenset({"admin", "member", "viewer"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; one that is ok and has a mend is something to know, and no problem."""

    name: str
    ok: bool
    evidence: str
    mend: str | None = None

    def as_note(self) -> Finding:
        """The same as something to know."""
        return replace(self, ok=True)


@click.command(cls=DataCommand, fields=("name", "ok", "evidence", "mend"))
@click.argument("run", required=False, metavar="[RUN]")
@pass_session
def doctor(session: Session, run: str | None, fields: str | None) -> int:
    """Find out what is wrong; with RUN, also why that run is not running. Exit code 1 when something is.

    \b
    homeport doctor
    homeport doctor wandering-gecko
    """
    findings = []
    for finding in look(session, run):
        findings.append(finding)
        if fields is None:
            _show(finding)
    if fields is not None:
        import json

        click.echo(json.dumps([chosen(asdict(finding), fields) for finding in findings], indent=2, ensure_ascii=False))
    return 0 if all(finding.ok for finding in findings) else FAILED


def look(session: Session, run: str | None) -> Iterator[Finding]:
    """The findings, in order; what depends on something that failed is not looked at."""
    from homeport.client.errors import ClientError
    from homeport.config.errors import ConfigError

    try:
        yield _settings(session)
        yield _key(session)
    except ConfigError as error:
        yield Finding("settings", False, error.message, error.hint)
        return
    if session.settings.storage_block is None:
        yield _storage(session)
    if not session.settings.key().value:
        yield _without_key(session)
        return
    try:
        viewer = session.client.execute("viewer", timeout=5.0)["viewer"]
    except ClientError as error:
        url = session.settings.get("api_url")
        mend = error.hint or f"Is it running there? homeport server status    (the address is from {url.source})"
        yield Finding("control plane", False, error.message, mend)
        return
    yield _control_plane(session, viewer)
    yield _expiry(viewer)
    kind = str(viewer["kind"]).lower()
    if kind not in _READERS:
        yield from _not_to_be_seen(kind, run)
        return
    try:
        yield from _seen_by_readers(session, run)
    except ClientError as error:
        yield Finding("permission", False, error.message, error.hint)


def _without_key(session: Session) -> Finding:
    """Whether a control plane answers at the address, which is worth knowing before one logs in there."""
    from homeport.client.errors import ClientError, Unauthenticated

    url = session.settings.get("api_url")
    try:
        session.client_with(None).execute("viewer", timeout=5.0)
    except Unauthenticated:
        return Finding("control plane", True, "answers, and asks for a key")
    except ClientError as error:
        mend = error.hint or f"Is it running there? homeport server status    (the address is from {url.source})"
        return Finding("control plane", False, error.message, mend)
    return Finding("control plane", False, "answers without a key, which no control plane does", "homeport version")


def _not_to_be_seen(kind: str, run: str | None) -> Iterator[Finding]:
    yield Finding("agents", True, f"skipped: a key of kind {kind} may not list agents")
    if run is not None:
        # Asked for by name, and not answered: that is not "ok".
        mend = "Ask with a key of kind viewer, member or admin: HOMEPORT_API_KEY=... homeport doctor RUN"
        yield Finding("run", False, f"a key of kind {kind} may not look at runs", mend)


def _seen_by_readers(session: Session, run: str | None) -> Iterator[Finding]:
    yield from _blocks(session)
    if run is None:
        yield _agents(session)
        return
    from homeport.cli import explain

    diagnosis = explain.asked(session, lists.run_id(session, run))
    later = _is_for_later(diagnosis)
    for finding in (_agents(session), *_run(diagnosis)):
        # What stands in the way of a run that is not due yet may be gone when it is.
        yield finding.as_note() if later else finding


def _settings(session: Session) -> Finding:
    from homeport.client.addresses import printable

    url = session.settings.get("api_url")
    where = f"profile {session.settings.profile}, home {session.settings.home}"
    return Finding("settings", True, f"{printable(url.value or '')} from {url.source}; {where}")


def _key(session: Session) -> Finding:
    key = session.settings.key()
    if key.value:
        return Finding("key", True, f"{'_'.join(key.value.split('_')[:3])}_... from {key.source}")
    return Finding("key", False, "There is no API key for this address.", "homeport auth login --key -")


def _storage(session: Session) -> Finding:
    from homeport.code import CodeError, folder_reference, open_storage

    folder = session.settings.storage
    try:
        report = open_storage(folder_reference(folder)).check()
    except CodeError as error:
        return Finding("storage", False, str(error))
    mend = None if report.ok else report.mend or None
    return Finding("storage", report.ok, f"{report.what}: {report.evidence}", mend)


def _blocks(session: Session) -> Iterator[Finding]:
    """The block in which code is stored here; and those in use whose secrets this machine does not have."""
    nodes = [node for node in lists.fetch(session, "blocks", 500, {}) if node["deployments"]]
    chosen_block = session.settings.storage_block
    if not nodes and chosen_block is None:
        return
    from concurrent.futures import ThreadPoolExecutor

    from homeport.blocks import BlockError, BlockNotFound, load_block
    from homeport.blocks.checking import check_block, resolved
    from homeport.blocks.kept import kept_of
    from homeport.blocks.types import block_type

    if chosen_block is not None:
        try:
            report = check_block(load_block(chosen_block, ask=session.execute))
        except (BlockNotFound, BlockError) as error:
            yield Finding("storage", False, str(error), error.hint)
        else:
            failed = next((step for step in report.steps if step.ok is False), None)
            evidence = f"{failed.name}: {failed.evidence}" if failed else "it is reached, lets us in, write and read"
            yield Finding("storage", report.ok, f"the block {report.what}: {evidence}", report.mend or None)
    blocks = [(node, kept_of(node)) for node in nodes]
    # A secret manager that does not answer takes seconds to be given up, and may be named by every block.
    references = sorted({reference for _, kept in blocks for reference in kept.secrets.values()})
    with ThreadPoolExecutor(16) as pool:
        known = dict(zip(references, pool.map(lambda reference: resolved("", reference), references), strict=True))
    for node, kept in blocks:
        try:
            block_type(kept.type)
            missing = [
                replace(known[reference], name=f"secret {field}")
                for field, reference in kept.secrets.items()
                if known[reference].ok is False
            ]
            why = f"{missing[0].name}: {missing[0].evidence}" if missing else ""
        except BlockError as error:
            why = str(error)
        if why:
            many = len(node["deployments"])
            count = f"{many} deployment{'s' if many > 1 else ''}"
            evidence = f"{count} could not be fetched by an agent of this machine and user: {why}"
            # Only a machine that opens the block needs what it names.
            yield Finding(f"block {kept.slug}", True, evidence, f"homeport block check {kept.slug}")


def _control_plane(session: Session, viewer: dict[str, Any]) -> Finding:
    server, here = str(viewer["serverVersion"]), homeport.__version__
    who = f"tenant {viewer['tenant']['name']}, key {viewer['keyName']} ({viewer['kind']})"
    evidence = f"answers as version {server}; {who}"
    if server.split(".")[:2] == here.split(".")[:2]:
        return Finding("control plane", True, evidence)
    return Finding("control plane", False, f"{evidence}; this program is {here}", "Bring both to one minor version.")


def _expiry(viewer: dict[str, Any]) -> Finding:
    expires = viewer["expiresAt"]
    if expires is None:
        return Finding("key expiry", True, "The key does not expire.")
    soon = times.parse(expires) - datetime.now(UTC) < timedelta(days=7)
    mend = "homeport auth create-key -n NAME -e 90d    then: homeport auth login --key -"
    return Finding("key expiry", not soon, f"The key expires {times.ago(expires)}.", mend if soon else None)


def _agents(session: Session) -> Finding:
    agents = list(lists.fetch(session, "agents", 500, {}))
    online = [agent for agent in agents if agent["health"] == "ONLINE"]
    if online:
        names = ", ".join(f"{agent['name']} ({', '.join(agent['queues'])})" for agent in online[:5])
        more = f" and {len(online) - 5} more" if len(online) > 5 else ""
        return Finding("agents", True, f"{len(online)} online: {names}{more}")
    if agents:
        latest = max(agents, key=lambda agent: str(agent["lastSeenAt"]))
        evidence = f"None of {len(agents)} is online; {latest['name']} was seen {times.ago(latest['lastSeenAt'])}."
        return Finding("agents", False, evidence, "homeport agent start -q default")
    return Finding("agents", False, "No agent was ever started.", "homeport agent start -q default")


def _run(diagnosis: dict[str, Any]) -> Iterator[Finding]:
    from homeport.cli import explain

    yield Finding("run", not explain.blocks(diagnosis), diagnosis["verdict"])
    for check in diagnosis["checks"]:
        mend = None if check["status"] == "PASS" else check["mend"]
        yield Finding(f"run: {check['name']}", check["status"] != "BLOCK", check["evidence"], mend)


def _is_for_later(diagnosis: dict[str, Any]) -> bool:
    return any(check["name"] == "schedule" and check["status"] == "WAIT" for check in diagnosis["checks"])


def _show(finding: Finding) -> None:
    sign = click.style("problem", fg="red", bold=True)
    if finding.ok:
        sign = click.style("note   ", fg="yellow") if finding.mend else click.style("ok     ", fg="green")
    click.echo(f"{sign}  {finding.name}: {text.harmless(finding.evidence)}")
    if finding.mend:
        click.echo(f"         {click.style('hint:', fg='cyan')} {text.harmless(finding.mend)}")
    sys.stdout.flush()
