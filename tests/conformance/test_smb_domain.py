"""An SMB share in an Active Directory domain: its users, in each way in which people write them."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homeport.code import StorageDenied, collect, open_storage
from tests.conformance.storage_suite import write_project
from tests.services.samba_domain import PASSWORD_VARIABLE, SambaDomain


@pytest.fixture(scope="module")
def domain() -> Iterator[SambaDomain]:
    made = SambaDomain()
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def password(domain: SambaDomain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, domain.password)


@pytest.mark.parametrize(
    "login",
    [
        {"username": "ada", "domain": "FLOWS"},
        {"username": "FLOWS\\ada", "domain": None},
        {"username": "ada@flows.test", "domain": None},
    ],
)
def test_a_user_of_the_domain_keeps_code_and_fetches_it(
    domain: SambaDomain, tmp_path: Path, login: dict[str, Any]
) -> None:
    storage = open_storage(domain.reference(path=uuid.uuid4().hex, **login))
    tree = collect(write_project(tmp_path / "project"))

    stored = storage.put(tree)

    assert storage.fetch(stored.reference, tree.digest, tmp_path / "fetched") == tree.manifest
    assert storage.check().ok


def test_what_the_domain_says_of_a_user_is_told_apart(domain: SambaDomain, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(**login: Any) -> str:
        with pytest.raises(StorageDenied) as denied:
            open_storage(domain.reference(**login)).size("checks/a")
        return str(denied.value)

    assert "the user or the password is wrong" in said(username="grace")
    domain.tool("user", "create", "gone", domain.password)
    domain.tool("user", "disable", "gone")
    assert "the account is disabled" in said(username="gone")
    domain.tool("user", "create", "late", domain.password)
    domain.tool("user", "setexpiry", "late", "--days=-1")
    assert "expired" in said(username="late")
    domain.tool("user", "create", "new", domain.password, "--must-change-at-next-login")
    assert "the password has to be changed first" in said(username="new")
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret-that-nobody-may-see")
    wrong = said()
    assert "the user or the password is wrong" in wrong
    assert "secret-that-nobody-may-see" not in wrong
