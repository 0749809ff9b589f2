"""`homeport auth`: logging in, and the API keys of the tenant."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from homeport.cli import times
from homeport.cli.failures import CommandError
from homeport.cli.groups import CommandGroup
from homeport.cli.printing import Column, DataCommand, record, rows
from homeport.cli.session import Session, pass_session, say

KEY_FIELDS = ("id", "name", "kind", "createdAt", "createdBy", "expiresAt", "revokedAt", "lastUsedAt", "queues")


@click.group(cls=CommandGroup)
def auth() -> None:
    """Log in, and manage API keys."""


@auth.command()
@click.option("--key", "-k", metavar="KEY", help="The API key; `-` reads it from stdin, or asks.")
@click.option("--api", metavar="URL", help="Address of the control plane; kept in the profile.")
@pass_session
def login(session: Session, key: str | None, api: str | None) -> None:
    """Check a key and keep it in the OS keyring, else in a file that only you can read.

    \b
    homeport auth login --api https://homeport.example.com --key -
    homeport auth login --key - < key.txt
    """
    from homeport.client.addresses import base_url, printable
    from homeport.config import Credentials, profiles

    if api:
        session.arguments["api_url"] = api
        session.arguments["api_url"] = base_url(api)
    given = _key(session, key)
    settings = session.settings
    viewer = session.client_with(given).execute("viewer")["viewer"]
    if api:
        profiles.set_value(settings.home, settings.profile, "api_url", settings.api_url)
    where = Credentials(settings.home).store(settings.profile, settings.api_url, given)
    say(f"Logged in to {printable(settings.api_url)} as {_who(viewer)}.", fg="green")
    say(f"The key is kept in {where}.")
    if settings.api_url.startswith("http://") and not _is_here(settings.api_url):
        say("Note: this address is plain http: the key travels readable. Prefer https.", fg="yellow")
    if settings.get("api_key").value:
        say("Note: HOMEPORT_API_KEY is set, and wins over the key just stored.", fg="yellow")


@auth.command()
@pass_session
def logout(session: Session) -> None:
    """Forget the stored key of this profile's control plane."""
    from homeport.client.addresses import printable
    from homeport.config import Credentials

    settings = session.settings
    url = printable(settings.api_url)
    if Credentials(settings.home).forget(settings.profile, settings.api_url):
        say(f"Forgot the key for {url}. It stays valid: revoke it with: homeport auth revoke-key --id ID")
    else:
        say(f"No key was stored for {url}.")


@auth.command(cls=DataCommand, fields=("apiUrl", "profile", "keyFrom", "kind", "keyName", "tenant", "expiresAt"))
@pass_session
def status(session: Session, fields: str | None) -> None:
    """Show who you are, at which control plane, and where that is set."""
    from homeport.client.addresses import printable

    viewer = session.execute("viewer")["viewer"]
    settings = session.settings
    url = settings.get("api_url")
    node = {
        "apiUrl": printable(url.value or ""),
        "profile": settings.profile,
        "keyFrom": settings.key().source,
        "kind": viewer["kind"],
        "keyName": viewer["keyName"],
        "keyId": viewer["keyId"],
        "tenant": viewer["tenant"]["name"],
        "expiresAt": viewer["expiresAt"],
        "serverVersion": viewer["serverVersion"],
    }
    lines = [
        ("Control plane", f"{node['apiUrl']} (from {url.source}; version {viewer['serverVersion']})"),
        ("Tenant", node["tenant"]),
        ("Key", f"{viewer['keyName']} ({viewer['kind']}, id {viewer['keyId']}), from {node['keyFrom']}"),
        ("Expires", times.local(viewer["expiresAt"]) or "never"),
        ("Profile", settings.profile),
    ]
    record(node, lines, fields)


@auth.command("create-key", cls=DataCommand, fields=(*KEY_FIELDS, "key"))
@click.option("--name", "-n", required=True, help="What the key is for.")
@click.option("--expires", "-e", metavar="WHEN", help="A time (2027-01-31), or from now: 12h, 30d. Default: never.")
@click.option("--role", type=click.Choice(["admin", "member", "viewer", "agent"]), default="member", show_default=True)
@click.option("--queue", "-q", "queues", multiple=True, help="For agents: only these work queues.")
@click.option("--quiet", is_flag=True, help="Print the key and nothing else.")
@pass_session
def create_key(
    session: Session,
    name: str,
    expires: str | None,
    role: str,
    queues: tuple[str, ...],
    quiet: bool,
    fields: str | None,
) -> None:
    """Make an API key. It is shown once.

    \b
    homeport auth create-key -n ci -e 90d
    homeport auth create-key -n agents-of-plant-2 --role agent -q plant-2 --quiet
    """
    from homeport.client import expect

    given = {"name": name, "kind": role.upper(), "expiresAt": _expiry(expires), "queues": list(queues)}
    made = expect(session.execute("createApiKey", {"input": given})["createApiKey"], "ApiKeyCreated")
    node = {**made["apiKey"], "key": made["key"]}
    if quiet:
        click.echo(made["key"])
        return
    record(node, [("Key", made["key"]), *_key_lines(node)], fields)
    say("Keep it now: it cannot be shown again.", fg="yellow")


@auth.command("list-keys", cls=DataCommand, fields=KEY_FIELDS)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1000))
@pass_session
def list_keys(session: Session, limit: int, fields: str | None) -> None:
    """List the tenant's API keys; never their secrets."""
    nodes = session.execute("apiKeys", {"first": limit})["apiKeys"]["nodes"]
    columns = [
        Column("id", lambda key: key["id"]),
        Column("name", lambda key: key["name"], may_shrink=True),
        Column("role", lambda key: key["kind"].lower()),
        Column("queues", lambda key: key["queues"], may_shrink=True),
        Column("created", lambda key: times.ago(key["createdAt"])),
        Column("last used", lambda key: times.ago(key["lastUsedAt"]) or "never"),
        Column("expires", lambda key: times.ago(key["expiresAt"]) or "never"),
        Column("revoked", lambda key: times.ago(key["revokedAt"])),
    ]
    rows(nodes, columns, fields, none="No keys.")


@auth.command("revoke-key")
@click.option("--id", "key_id", required=True, help="The key's id, from: homeport auth list-keys")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_session
def revoke_key(session: Session, key_id: str, yes: bool) -> None:
    """Revoke a key: what uses it is refused at once.

    \b
    homeport auth list-keys
    homeport auth revoke-key --id 3f2a6c01b7de
    """
    from homeport.client import expect

    own = session.execute("viewer")["viewer"]["keyId"] == key_id
    what = f"the key {key_id}, which is the one that you use now" if own else f"the key {key_id}"
    session.confirm(f"Revoke {what}? What uses it stops working at once.", yes=yes)
    answer = session.execute("revokeApiKey", {"input": {"id": key_id}})["revokeApiKey"]
    key = expect(answer, "ApiKeyRevoked")["apiKey"]
    say(f"Revoked {key['name']} ({key['id']}).", fg="green")


def _is_here(url: str) -> bool:
    from urllib.parse import urlsplit

    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _key(session: Session, given: str | None) -> str:
    if given is not None and given != "-":
        say("Note: a key on the command line is seen by `ps` and kept by the shell; --key - asks for it.", fg="yellow")
        return given.strip()
    if not sys.stdin.isatty():
        key = sys.stdin.readline().strip()
    elif session.may_ask:
        key = str(click.prompt("API key", hide_input=True, err=True)).strip()
    else:
        key = ""
    if not key:
        raise CommandError("No key was given.", hint="homeport auth login --key - < file-with-the-key", code=2)
    return key


def _expiry(text: str | None) -> datetime | None:
    if text is None:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks", "y": None}
    number, unit = text[:-1], text[-1:]
    if unit in units and number.isdigit():
        days = {"days": int(number) * 365} if unit == "y" else {str(units[unit]): int(number)}
        return datetime.now(UTC) + timedelta(**days)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a date such as 2027-01-31 nor a time from now such as 30d.", param_hint="--expires"
        ) from None


def _key_lines(node: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        ("ID", node["id"]),
        ("Name", node["name"]),
        ("Role", node["kind"].lower()),
        ("Queues", node["queues"]),
        ("Expires", times.local(node["expiresAt"]) or "never"),
    ]


def _who(viewer: dict[str, Any]) -> str:
    return f"{viewer['keyName']} ({viewer['kind'].lower()}) of tenant {viewer['tenant']['name']}"
