"""How often a storage is asked, for what people do most: real ones are milliseconds away, and each question costs it.

The numbers are limits. One that a change makes smaller should be made smaller here.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from homeport.blobs import BlobStore
from homeport.code import collect, open_storage
from homeport_storage.smb import SmbStorage
from homeport_storage.smb_connections import Connections
from homeport_storage.smb_fields import SmbFields
from tests.services.azurite import azurite
from tests.services.round_trips import RoundTrips, round_trips
from tests.services.s3_server import s3_server
from tests.services.samba import Samba
from tests.services.waiting import eventually


@dataclass
class Place:
    """A real server, behind a way that counts; `reference` names a folder of it."""

    way: RoundTrips
    reference: Callable[[str], dict[str, Any]]

    def counted(self, work: Callable[[], object]) -> int:
        with self.way.counted() as found:
            work()
        return found[0]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        s3_server(tmp_path_factory.mktemp("s3")) as server,
        round_trips(server.port) as way,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in server.environment.items():
            patch.setenv(name, value)
        bucket = server.bucket()
        address = f"http://127.0.0.1:{way.port}"
        yield Place(way, lambda prefix: server.fields(bucket, prefix=prefix) | {"endpoint_url": address})


@pytest.fixture(scope="module")
def azure() -> Iterator[Place]:
    with azurite() as server, round_trips(server.port) as way, pytest.MonkeyPatch.context() as patch:
        connection = server.connection_string.replace(f":{server.port}/", f":{way.port}/")
        patch.setenv("TEST_AZURE_CONNECTION", connection)
        container = server.container()
        yield Place(way, lambda prefix: server.fields(container, prefix=prefix))


@pytest.fixture
def smb(samba: Samba) -> Iterator[Place]:
    with round_trips(samba.port) as way:
        yield Place(way, lambda path: samba.reference("data", path, port=way.port))


@pytest.fixture(params=["s3", "azure", "smb"])
def place(request: pytest.FixtureRequest) -> tuple[str, Place]:
    found: Place = request.getfixturevalue(request.param)
    return request.param, found


FEW = {
    "s3": {"first": 4, "unchanged": 2, "changed": 4, "fetch": 2, "next": 2},
    "azure": {"first": 4, "unchanged": 2, "changed": 4, "fetch": 2, "next": 2},
    # A file that is written takes two, and its folder the first time another one if the answer to that comes quickly.
    "smb": {"first": 14, "unchanged": 2, "changed": 8, "fetch": 2, "next": 2},
}
MANY = {
    "s3": {"first": 9, "unchanged": 3, "changed": 11, "fetch": 4, "next": 3},
    "azure": {"first": 9, "unchanged": 3, "changed": 11, "fetch": 4, "next": 3},
    "smb": {"first": 21, "unchanged": 3, "changed": 22, "fetch": 4, "next": 3},
}


@pytest.mark.parametrize("extra", [0, 1_000], ids=["one file", "many files"])
def test_no_step_asks_a_storage_more_often_than_it_must(place: tuple[str, Place], tmp_path: Path, extra: int) -> None:
    kind, here = place
    reference = here.reference(uuid.uuid4().hex)
    root = tmp_path / "project"
    root.mkdir()
    (root / "flow.py").write_text("one = 1\n")
    for number in range(extra):
        (root / f"m{number}.py").write_text(f"x = {number}\n")
    warm(reference)
    taken: dict[str, int] = {}
    tree = collect(root)

    def put() -> None:
        open_storage(reference).put(tree)

    def fetch(name: str, have: dict[str, Path] | None = None) -> None:
        open_storage(reference).fetch(reference, tree.digest, tmp_path / name, have.get if have else None)

    taken["first"] = here.counted(put)
    taken["unchanged"] = here.counted(put)
    taken["fetch"] = here.counted(lambda: fetch("out"))
    have = {file.sha256: tmp_path / "out" / file.path for file in tree.manifest.files}
    (root / "flow.py").write_text("two = 2\n")
    tree = collect(root)
    taken["changed"] = here.counted(put)
    taken["next"] = here.counted(lambda: fetch("next", have))

    most = (MANY if extra else FEW)[kind]
    assert {step: count for step, count in taken.items() if count > most[step]} == {}


def warm(reference: dict[str, Any]) -> None:
    """Use the storage, so that what is kept open is open."""
    storage = open_storage(reference)
    assert isinstance(storage, BlobStore)
    assert storage.size("checks/nothing") is None


def test_logging_in_to_a_share_takes_few_questions(smb: Place) -> None:
    storage = open_storage(smb.reference(uuid.uuid4().hex))
    assert isinstance(storage, SmbStorage)

    # What is spoken, whether that was meant, two messages of the login, the share, and the look itself.
    assert smb.counted(lambda: storage.size("checks/nothing")) <= 6


def test_storages_that_are_opened_alike_share_a_connection(place: tuple[str, Place]) -> None:
    _, here = place
    reference = here.reference(uuid.uuid4().hex)
    before = here.way.connections

    for _ in range(5):
        warm(reference)

    assert here.way.connections - before <= 1


def test_a_connection_to_a_share_that_nobody_uses_is_closed(smb: Place, samba: Samba) -> None:
    reference = {name: value for name, value in smb.reference("flows").items() if name != "kind"}
    connections = Connections(SmbFields(**reference), keep=2, idle_seconds=0.2)

    with connections.lent():
        assert smb.way.open == 1

    eventually(lambda: smb.way.open == 0, what="the connection is closed")
    with connections.lent() as folder:
        assert not folder.used
