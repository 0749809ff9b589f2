"""Where keys are kept: the OS keyring where there is one, else a private file."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from homeport.config import ConfigError, Credentials

URL = "http://127.0.0.1:4700"


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring that works, as the desktop's would."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def set_password(self, service: str, username: str, password: str) -> None:
        self._look()
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        self._look()
        return self.kept.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        self._look()
        del self.kept[service, username]

    def _look(self) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("the collection is locked")


@pytest.fixture
def desktop() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def headless() -> Iterator[None]:
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    yield
    keyring.set_keyring(before)


def test_a_key_goes_to_the_keyring_and_not_into_a_file(tmp_path: Path, desktop: MemoryKeyring) -> None:
    where = Credentials(tmp_path).store("default", URL, "hp_admin_secret")

    assert where == "the OS keyring"
    assert Credentials(tmp_path).find("default", URL).value == "hp_admin_secret"
    assert "secret" not in (tmp_path / "keys.json").read_text()


@pytest.mark.usefixtures("headless")
def test_without_a_keyring_a_key_goes_to_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    where = Credentials(tmp_path).store("default", URL, "hp_admin_secret")

    file = tmp_path / "keys.json"
    assert str(file) in where
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Credentials(tmp_path).find("default", URL).value == "hp_admin_secret"


def test_a_locked_keyring_falls_back_to_the_file_when_storing(tmp_path: Path, desktop: MemoryKeyring) -> None:
    desktop.locked = True

    where = Credentials(tmp_path).store("default", URL, "hp_admin_secret")

    assert "keys.json" in where


def test_a_keyring_locked_later_is_an_error_with_a_way_out(tmp_path: Path, desktop: MemoryKeyring) -> None:
    Credentials(tmp_path).store("default", URL, "hp_admin_secret")
    desktop.locked = True

    with pytest.raises(ConfigError) as caught:
        Credentials(tmp_path).find("default", URL)

    assert "HOMEPORT_API_KEY" in (caught.value.hint or "")


@pytest.mark.usefixtures("headless")
def test_each_profile_and_control_plane_has_a_key_of_its_own(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)

    credentials.store("default", URL, "one")
    credentials.store("work", URL, "two")

    assert credentials.find("default", "http://localhost:4700/graphql").value == "one"
    assert credentials.find("work", URL).value == "two"
    assert credentials.find("default", "http://elsewhere:4700").value is None


@pytest.mark.usefixtures("headless")
def test_a_forgotten_key_is_gone(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    credentials.store("default", URL, "one")

    assert credentials.forget("default", URL)
    assert not credentials.forget("default", URL)
    assert json.loads((tmp_path / "keys.json").read_text()) == {}


@pytest.mark.usefixtures("headless")
def test_a_key_file_with_wider_rights_is_narrowed_when_it_is_read(tmp_path: Path) -> None:
    Credentials(tmp_path).store("default", URL, "one")
    (tmp_path / "keys.json").chmod(0o644)

    Credentials(tmp_path).find("default", URL)

    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
