"""Who may come in: the first key, other keys, what is refused."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from homeport_control_plane import api_keys, tenants
from homeport_control_plane.authentication import authenticate
from homeport_control_plane.database import Database
from homeport_control_plane.errors import InvalidInput, NotFound, Unauthenticated


async def test_an_empty_database_gives_its_first_key_to_exactly_one_of_two_servers(db: Database) -> None:
    answers = await asyncio.gather(tenants.bootstrap(db), tenants.bootstrap(db))

    keys = [key for key in answers if key]
    assert len(keys) == 1
    assert (await authenticate(db, keys[0])).kind == "admin"
    assert await tenants.bootstrap(db) is None


async def test_a_revoked_key_is_refused_and_says_so(db: Database) -> None:
    admin = await authenticate(db, await tenants.bootstrap(db) or "")
    key, text = await api_keys.create(db, admin.tenant_id, name="ci", kind="member", actor=admin.actor)

    await api_keys.revoke(db, admin.tenant_id, key.id)

    with pytest.raises(Unauthenticated, match="revoked"):
        await authenticate(db, text)


async def test_an_expired_key_is_refused(db: Database) -> None:
    admin = await authenticate(db, await tenants.bootstrap(db) or "")
    soon = datetime.now(UTC) + timedelta(hours=1)
    _, text = await api_keys.create(
        db, admin.tenant_id, name="x", kind="agent", actor="a", expires_at=soon, queues=["q"]
    )

    assert (await authenticate(db, text)).queues == ("q",)
    with pytest.raises(Unauthenticated, match="expired"):
        await authenticate(db, text, now=soon + timedelta(seconds=1))


async def test_a_mistyped_key_is_refused_without_the_database(db: Database) -> None:
    text = await tenants.bootstrap(db) or ""
    await db.close()

    with pytest.raises(Unauthenticated, match="checksum"):
        await authenticate(db, text[:-1] + ("0" if text[-1] != "0" else "1"))


async def test_the_use_of_a_key_is_noted_and_its_secret_is_not_stored(db: Database) -> None:
    text = await tenants.bootstrap(db) or ""
    admin = await authenticate(db, text)

    [key] = (await api_keys.page(db, admin.tenant_id)).nodes

    assert key.last_used_at is not None
    assert text not in str(await db.fetch("select * from api_key"))


async def test_keys_of_another_tenant_cannot_be_revoked_and_bad_kinds_are_refused(db: Database) -> None:
    admin = await authenticate(db, await tenants.bootstrap(db) or "")

    with pytest.raises(NotFound):
        await api_keys.revoke(db, admin.tenant_id, "000000000000")
    with pytest.raises(InvalidInput, match="kind"):
        await api_keys.create(db, admin.tenant_id, name="x", kind="root", actor="a")
