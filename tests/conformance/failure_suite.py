"""What every storage over HTTP must say when it cannot be used: what was found and the mend, and that within seconds.

Each failure is tried in each of the ways in which a storage is used: `block check` and `doctor` check it, register and
`deployment apply` put a tree, an agent fetches one.
"""

import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from homeport.code import (
    CodeMissing,
    StorageError,
    StorageRefused,
    StorageUnreachable,
    UnsafeCode,
    collect,
    open_storage,
)
from homeport.code.errors import SecretMissing
from tests.conformance.storage_suite import MIB, write_project
from tests.services.connect_proxy import connect_proxy
from tests.services.pages import ROOT
from tests.services.rewriting_proxy import Answer, rewriting_proxy
from tests.services.tcp_proxy import TcpProxy
from tests.services.token_service import certificate
from tests.services.waiting import eventually

Reference = dict[str, Any]
DIGEST = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Failure:
    """How a storage fails: the error, what the message says was found (as in the guide), and the mend."""

    error: type[StorageError]
    found: str
    mend: str


def failing(
    reference: Reference, failure: Failure, folder: Path, *, within: float = 15, ways: str = "check put fetch"
) -> str:
    """Check, put and fetch all fail in this way; all that was said. Reads may work where `ways` leaves fetch out."""
    root = write_project(folder / f"project-{uuid.uuid4().hex}")
    (root / "new.py").write_text(f"NAME = {root.name!r}\n")  # so that there is something to send
    tree = collect(root)
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: open_storage(reference).put(tree),
        "fetch": lambda: open_storage(reference).fetch(reference, DIGEST, folder / "out"),
    }
    said = []
    began = time.monotonic()
    if "check" in ways:
        report = open_storage(reference).check()
        step = next(step for step in report.steps if step.ok is False)
        assert failure.found in step.evidence, step.evidence
        assert failure.mend in report.mend, report.mend
        said.append(f"{step.evidence}. {report.mend}")
    for way in set(ways.split()) & calls.keys():
        with pytest.raises(failure.error) as raised:
            calls[way]()
        assert type(raised.value) is failure.error
        assert re.search(rf"^cannot [a-z ]+ {re.escape(open_storage(reference).where)}: ", str(raised.value))
        assert failure.found in raised.value.found
        assert failure.mend in raised.value.mend
        said.append(str(raised.value))
    assert time.monotonic() - began < within
    assert not list(folder.glob("*out*"))
    return "\n".join(said)


def told_by(guide: str, failures: Iterable[Failure]) -> bool:
    """Whether the guide's section "When it does not work" has a row for each of these failures, and no other row."""
    section = (ROOT / f"docs/guides/{guide}.md").read_text().partition("## When it does not work")[2]
    rows = re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE)
    found = {failure.found.strip() for failure in failures}
    missing = {text for text in found if not any(text in row for row in rows)}
    other = [row for row in rows if not any(text in row for text in found)]
    assert (missing, other) == (set(), []), f"{guide}.md lacks {missing}, and tells {other}"
    return bool(rows)


NO_NAME = Failure(StorageUnreachable, "cannot be resolved (DNS)", "Look at ")
NOTHING_LISTENS = Failure(StorageUnreachable, "nothing listens at ", "whether this machine may reach that host")
SILENT = Failure(StorageUnreachable, "did not answer within the time", "look at the server's health")
NO_PROXY = Failure(StorageUnreachable, "the proxy 127.0.0.1:", "Look at HTTPS_PROXY, HTTP_PROXY and NO_PROXY")
UNTRUSTED = Failure(StorageUnreachable, "is not trusted", "Give verify= the certificate of the CA that signed it")
OTHER_NAME = Failure(StorageUnreachable, "is for another name", "Use the name it was made for")
NO_TLS = Failure(StorageUnreachable, "does not speak TLS there", "Use http://, or the port of its https://")
NO_CERTIFICATE = Failure(StorageRefused, "there is no CA's certificate at ", "Correct the field verify")
NOT_PEM = Failure(StorageRefused, "is no certificate (PEM)", "Correct the field verify")
NO_SECRET = Failure(SecretMissing, "cannot be resolved on this machine", "")

ON_THE_WAY = (
    NO_NAME, NOTHING_LISTENS, SILENT, NO_PROXY, UNTRUSTED, OTHER_NAME, NO_TLS, NO_CERTIFICATE, NOT_PEM, NO_SECRET,
)  # fmt: skip


class ConnectionFailureSuite:
    """What can go wrong on the way to a server that speaks HTTP. A kind says how to refer to it at some address.

    `again` are the fields that say how often a request is sent, and `tries` how often that is.
    """

    again: ClassVar[dict[str, Any]] = {"max_attempts": 2}
    tries: ClassVar[range] = range(2, 3)

    wait: ClassVar[dict[str, Any]] = {"connect_timeout": 1, "read_timeout": 1}

    def address(self) -> str:
        """Of the real server."""
        raise NotImplementedError

    def at(self, address: str, **more: object) -> Reference:
        """A reference of a bucket that is there, on the server at that address."""
        raise NotImplementedError

    @contextmanager
    def https(self, cert: Path, key: Path) -> Iterator[Callable[..., Reference]]:
        """A real server that speaks TLS with that certificate; what refers to a bucket of it."""
        raise NotImplementedError

    def test_the_guide_tells_what_to_do_about_each_of_these(self) -> None:
        assert told_by("storage", ON_THE_WAY)

    def test_a_name_that_cannot_be_resolved(self, tmp_path: Path) -> None:
        failing(self.at("http://nowhere.invalid", **self.wait), NO_NAME, tmp_path)

    def test_a_port_at_which_nothing_listens(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{taken.getsockname()[1]}"

            said = failing(self.at(f"http://{address}", **self.wait), NOTHING_LISTENS, tmp_path)

        assert f"nothing listens at {address} (connection refused)" in said

    def test_a_server_that_accepts_and_never_answers_is_given_up_on_and_how_often_it_was_tried_is_said(
        self, tmp_path: Path
    ) -> None:
        with TcpProxy(self.address()) as proxy:
            proxy.silent = True

            said = failing(self.at(proxy.url, **self.wait), SILENT, tmp_path, within=25)
            before = proxy.connections
            failing(self.at(proxy.url, **{**self.wait, **self.again}), SILENT, tmp_path, within=15, ways="fetch")

        assert "(tried " in said
        assert proxy.connections - before in self.tries

    def test_who_waits_for_a_check_is_told_of_a_silent_server_soon_whatever_the_settings_are(
        self, tmp_path: Path
    ) -> None:
        with TcpProxy(self.address()) as proxy:
            proxy.silent = True

            failing(self.at(proxy.url), SILENT, tmp_path, within=12, ways="check")

    def test_a_proxy_that_does_not_answer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            reference = self.at(self.address(), **self.wait)
            monkeypatch.setenv("HTTP_PROXY", f"http://me:proxy-password@127.0.0.1:{taken.getsockname()[1]}")
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)

            said = failing(reference, NO_PROXY, tmp_path)

        assert "proxy-password" not in said

    def test_a_port_that_does_not_speak_tls(self, tmp_path: Path) -> None:
        failing(self.at(self.address().replace("http://", "https://"), **self.wait), NO_TLS, tmp_path)

    def test_a_certificate_is_trusted_by_its_ca_alone(self, tmp_path: Path) -> None:
        cert, key = certificate(tmp_path / "tls")
        other, _ = certificate(tmp_path / "other")
        with self.https(cert, key) as at:
            for more in ({}, {"verify": str(other)}):
                failing(at(**self.wait, **more), UNTRUSTED, tmp_path)
            absent = tmp_path / "absent.pem"
            said = failing(at(**self.wait, verify=str(absent)), NO_CERTIFICATE, tmp_path)
            for text in ("", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"):
                (tmp_path / "nonsense.pem").write_text(text)
                failing(at(**self.wait, verify=str(tmp_path / "nonsense.pem")), NOT_PEM, tmp_path)
            tree = collect(write_project(tmp_path / "project"))

            trusted = open_storage(at(verify=str(cert)))

            assert trusted.check().ok
            trusted.fetch(trusted.put(tree).reference, tree.digest, tmp_path / "trusted")
            assert str(absent) in said

    def test_a_certificate_of_another_name(self, tmp_path: Path) -> None:
        cert, key = certificate(tmp_path / "tls", "127.0.0.9")
        with self.https(cert, key) as at:
            failing(at(**self.wait, verify=str(cert)), OTHER_NAME, tmp_path)

    def test_verification_cannot_be_switched_off(self) -> None:
        with pytest.raises(UnsafeCode, match="certificates are always verified; give the path of the CA's certificate"):
            open_storage(self.at(self.address(), verify=False))

    def test_a_company_s_proxy_is_used_for_http_and_https(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cert, key = certificate(tmp_path / "tls")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        plain = self.at(self.address())
        with connect_proxy() as proxy, self.https(cert, key) as at:
            secure = at(verify=str(cert))
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
                monkeypatch.setenv(name, proxy.url)

            for reference in (plain, secure):
                report = open_storage(reference).check()
                assert report.ok, (report, proxy.asked)

        assert any(" http://127.0.0.1:" in line for line in proxy.asked)
        assert any(line.startswith("CONNECT 127.0.0.1:") for line in proxy.asked)

    def test_a_server_gone_in_the_middle_of_an_upload_leaves_nothing_registered_and_the_next_try_sends_the_rest(
        self, tmp_path: Path
    ) -> None:
        root = write_project(tmp_path / "project", extra=40)
        for number in range(40):
            (root / f"large-{number}.bin").write_bytes(os.urandom(2 * MIB))
        tree = collect(root)
        with TcpProxy(self.address()) as proxy:
            reference = self.at(proxy.url, **{**self.wait, "read_timeout": 5})

            def cut_when_half_of_it_is_sent() -> None:
                eventually(lambda: proxy.sent > 45 * MIB, what="the upload is under way", every=0.002)
                proxy.gone = True
                proxy.cut()

            cutter = threading.Thread(target=cut_when_half_of_it_is_sent)
            cutter.start()
            with pytest.raises(StorageUnreachable, match=r"cannot (write to|look into)"):
                open_storage(reference).put(tree)
            cutter.join()
            there = open_storage(self.at(self.address()))
            with pytest.raises(CodeMissing, match=tree.digest):
                there.fetch(reference, tree.digest, tmp_path / "none")
            proxy.gone = False
            sent = open_storage(self.at(proxy.url)).put(tree)  # with the patience that it has by itself

        there.fetch(reference, tree.digest, tmp_path / "out")
        assert collect(tmp_path / "out").digest == tree.digest
        assert 0 < sent.sent_bytes < 76 * MIB, "what had arrived is not sent again"

    def test_a_server_that_falls_silent_in_the_middle_of_an_upload_is_given_up_on(self, tmp_path: Path) -> None:
        root = write_project(tmp_path / "project")
        for number in range(10):
            (root / f"large-{number}.bin").write_bytes(os.urandom(9 * MIB))  # each in parts
        tree, frozen = collect(root), list[float]()
        with TcpProxy(self.address()) as proxy:
            reference = self.at(proxy.url, **self.wait)

            def freeze_when_half_of_it_is_sent() -> None:
                eventually(lambda: proxy.sent > 40 * MIB, what="the upload is under way", every=0.002)
                proxy.freeze()
                frozen.append(time.monotonic())

            freezer = threading.Thread(target=freeze_when_half_of_it_is_sent)
            freezer.start()
            with pytest.raises(StorageUnreachable):
                open_storage(reference).put(tree)
            given_up = time.monotonic()
            freezer.join()

        there = open_storage(self.at(self.address()))
        with pytest.raises(CodeMissing, match=tree.digest):
            there.fetch(there.reference(), tree.digest, tmp_path / "none")
        assert given_up - frozen[0] < 20

    def test_a_download_that_is_cut_goes_on_where_it_was(self, tmp_path: Path) -> None:
        root = write_project(tmp_path / "project")
        (root / "large.bin").write_bytes(os.urandom(40 * MIB))
        tree = collect(root)
        open_storage(self.at(self.address())).put(tree)
        with TcpProxy(self.address()) as proxy:
            reference = self.at(proxy.url)

            def cut() -> None:
                eventually(lambda: proxy.received > 20 * MIB, what="half of it is here", every=0.002)
                proxy.cut()

            cutter = threading.Thread(target=cut)
            cutter.start()
            open_storage(reference).fetch(reference, tree.digest, tmp_path / "out")
            cutter.join()

        assert collect(tmp_path / "out").digest == tree.digest
        assert proxy.received < 58 * MIB, "what was here is not fetched again"

    def test_a_server_gone_in_the_middle_of_a_fetch_leaves_nothing_on_disk(self, tmp_path: Path) -> None:
        root = write_project(tmp_path / "project")
        (root / "large.bin").write_bytes(os.urandom(40 * MIB))
        tree = collect(root)
        open_storage(self.at(self.address())).put(tree)
        with TcpProxy(self.address()) as proxy:
            reference = self.at(proxy.url, **self.wait)

            def cut() -> None:
                eventually(lambda: proxy.received > 2 * MIB, what="the download is under way", every=0.002)
                proxy.gone = True
                proxy.cut()

            cutter = threading.Thread(target=cut)
            cutter.start()
            with pytest.raises(StorageUnreachable, match="cannot read"):
                open_storage(reference).fetch(reference, tree.digest, tmp_path / "out")
            cutter.join()

        assert not list(tmp_path.glob("*out*"))


@contextmanager
def answering(upstream: str, answer: Answer) -> Iterator[str]:
    """The address of a server that answers some requests as the cloud does where the emulator cannot."""
    with rewriting_proxy(upstream, answer) as host:
        yield f"http://{host}"
