"""A kind of storage that somebody else wrote may quote its password in what it raises: that is shown to nobody."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from homeport.blocks.checking import check_block
from homeport.blocks.fields import BlockFields
from homeport.blocks.kept import KeptBlock
from homeport.cli.failures import explain
from homeport.code import storage
from homeport.engine import masking
from homeport.secrets import resolve

KEPT = "correct horse battery"


class CarelessFields(BlockFields):
    """What a block of this kind is made of."""

    password: str


class Careless:
    kind = "s3"

    @classmethod
    def fields(cls) -> type[BlockFields]:
        return CarelessFields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> "Careless":
        return cls(resolve(reference["password"]).get())

    def __init__(self, password: str) -> None:
        self.password = password

    def check(self) -> storage.CheckReport:
        raise ConnectionRefusedError(f"login with {self.password!r} failed")


class Reporting(Careless):
    def check(self) -> storage.CheckReport:
        step = storage.CheckStep("reachable", False, f"login with {self.password!r} failed")
        return storage.CheckReport("there", (step,), f"Try {self.password!r} again")


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CARELESS_PASSWORD", KEPT)
    with masking.kept_apart():
        yield


@pytest.mark.parametrize("kind", [Careless, Reporting])
def test_the_check_of_a_block_tells_the_error_without_the_secret(
    kind: type[Careless], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(storage._LOADED, "s3", kind)

    report = check_block(KeptBlock("s3", "mine", {}, {"password": "env:CARELESS_PASSWORD"}))

    assert not report.ok
    assert "login with '***' failed" in report.evidence
    assert KEPT not in f"{report}"


@pytest.mark.parametrize("debug", ["", "1"])
def test_the_program_tells_an_error_without_the_secret(
    debug: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMEPORT_DEBUG", debug)
    password = resolve("env:CARELESS_PASSWORD").get()

    explain(ConnectionRefusedError(f"login with {password!r} failed"), None)

    said = capsys.readouterr().err
    assert "login with '***' failed" in said
    assert KEPT not in said
