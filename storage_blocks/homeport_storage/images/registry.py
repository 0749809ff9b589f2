"""One repository of a Docker registry over its HTTP API (v2): manifests and blobs, given and taken, nothing trusted.

Needs no Docker engine. The login goes as Basic or as the token that the registry's own service gives for it, and only
to the registry and to that service: a blob that lies elsewhere (a redirect to object storage) is fetched without it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from homeport.client.http_settings import import_httpx, timeouts
from homeport.code.errors import (
    CodeMissing,
    DigestMismatch,
    StorageDenied,
    StorageError,
    StorageRefused,
    StorageUnreachable,
)
from homeport_storage.images.logins import Login
from homeport_storage.images.names import HUB, HUB_API, ImageName, speaks_plain_http
from homeport_storage.kept import Kept

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
ACCEPTED = ", ".join((OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST))
MAX_DOCUMENT = 4 * 1024 * 1024
CHUNK = 1024 * 1024
SECONDS = 60.0
PAUSES = (0.2, 1.0)
"""Before each further try: a registry behind a load balancer drops a connection now and then."""
CERTIFICATES = (Path("/etc/docker/certs.d"), Path("~/.config/docker/certs.d"))
BUSY = frozenset({429, 500, 502, 503, 504})
NO_SPACE = re.compile(r'"Err": 28\b')
"""How the common registry with its files on a disk says ENOSPC: in the details of an unknown error."""
SERVER_FAILED = re.compile(r"HTTP status: 5\d\d")
"""How an engine words it."""
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


_wanted: Kept[dict[str, str]] = Kept()


class Registry:
    """The API of one repository. Methods raise StorageUnreachable, StorageRefused or StorageDenied, naming it."""

    def __init__(self, image: ImageName, login: Login, *, insecure: bool = False) -> None:
        """`insecure` allows plain http to a registry that is not on this machine."""
        self.image = image
        self._login = login
        host = HUB_API if image.registry == HUB else image.registry
        scheme = "http" if insecure or speaks_plain_http(image.registry) else "https"
        self.url = f"{scheme}://{host}"
        self._httpx = import_httpx()
        self._client = self._httpx.Client(
            timeout=timeouts(SECONDS),
            verify=_trust(image.registry) if scheme == "https" else False,
            follow_redirects=True,
        )
        # A registry that wanted a name and a password a moment ago need not refuse the same login first.
        self._wanted = _wanted.get((self.url, login), dict)
        self._authorization = self._wanted.get("basic", "")

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def look(self) -> None:
        """Ask whether a registry is there; being refused is an answer, too."""
        answer = self._send("GET", f"{self.url}/v2/", "look at")
        if answer.status_code not in (200, 401, 403):
            raise self._refusal(answer, "look at")

    def manifest(self, reference: str) -> tuple[bytes, str] | None:
        """The bytes and media type of a manifest by tag or digest; None when it is not there.

        What comes for a digest has that digest, or it is a DigestMismatch.
        """
        answer = self._asked("GET", self._at("manifests", reference), "read", headers={"Accept": ACCEPTED})
        if answer.status_code == 404:
            return None
        self._must(answer, 200, "read")
        body = bytes(answer.content)
        if reference.startswith("sha256:"):
            self._must_be(body, reference, "the manifest")
        return body, answer.headers.get("content-type", "").partition(";")[0].strip()

    def digest(self, reference: str) -> str | None:
        """The digest that a tag stands for; None when it is not there or not told."""
        answer = self._asked("HEAD", self._at("manifests", reference), "read", headers={"Accept": ACCEPTED})
        if answer.status_code == 404:
            return None
        self._must(answer, 200, "read")
        told = answer.headers.get("docker-content-digest")
        return str(told) if told else None

    def document(self, digest: str) -> bytes:
        """A small blob (an image's config), verified."""
        body = b"".join(self.blob(digest, MAX_DOCUMENT))
        self._must_be(body, digest, "the blob")
        return body

    def blob(self, digest: str, limit: int) -> Iterator[bytes]:
        """The bytes of a blob as they come, at most `limit` and one chunk; whoever takes them verifies the digest."""
        taken = 0
        try:
            request = self._client.build_request("GET", self._at("blobs", digest), headers=self._headers())
            answer = self._client.send(request, stream=True)
            if answer.status_code == 401:
                answer.close()
                self._authenticate(answer, "read")
                request = self._client.build_request("GET", self._at("blobs", digest), headers=self._headers())
                answer = self._client.send(request, stream=True)
            with closing(answer):
                if answer.status_code == 404:
                    raise CodeMissing(f"{digest} of the image {self.image} is not in the registry any more")
                if answer.status_code != 200:
                    answer.read()
                    raise self._refusal(answer, "read")
                for chunk in answer.iter_raw(CHUNK):
                    yield chunk
                    taken += len(chunk)
                    if taken > limit:
                        return
        except self._httpx.HTTPError as error:
            raise self._unreachable(error, "read") from error

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has this blob already."""
        answer = self._asked("HEAD", self._at("blobs", digest), "look into", push=True)
        if answer.status_code == 404:
            return False
        self._must(answer, 200, "look into")
        return True

    def give_blob(self, digest: str, size: int, stream: IO[bytes]) -> None:
        """Send a blob in one piece; the registry checks that it has the digest."""

        def send() -> Any:
            began = self._asked("POST", self._at("blobs/uploads", ""), "push to", push=True)
            self._must(began, 202, "push to")
            where = self._upload(began)
            where += ("&" if urlsplit(where).query else "?") + f"digest={digest}"
            stream.seek(0)
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            if urlsplit(where).netloc == urlsplit(self.url).netloc:
                headers |= self._headers()
            return self._client.put(where, content=_chunks(stream), headers=headers)

        self._must(self._tried(send, "push to"), 201, "push to")

    def give_manifest(self, reference: str, body: bytes, media_type: str) -> None:
        """Write a manifest under a tag or its digest."""
        answer = self._asked(
            "PUT",
            self._at("manifests", reference),
            "push to",
            push=True,
            content=body,
            headers={"Content-Type": media_type},
        )
        self._must(answer, 201, "push to")

    def try_to_write(self) -> None:
        """Begin to send a blob, and take it back: whether we may push here."""
        began = self._asked("POST", self._at("blobs/uploads", ""), "push to", push=True)
        self._must(began, 202, "push to")
        self._asked("DELETE", self._upload(began), "push to", push=True)

    def _upload(self, began: Any) -> str:
        """Where the registry wants the bytes of an upload that it has begun."""
        where = began.headers.get("location")
        if not where:
            raise StorageRefused(
                f"cannot push to {self.image}: {self.url} began an upload without saying where to. Is it a registry?"
            )
        return str(urljoin(str(began.url), where))

    def _at(self, what: str, reference: str) -> str:
        return f"{self.url}/v2/{self.image.repository}/{what}/{reference}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self._authorization} if self._authorization else {}

    def _asked(
        self,
        method: str,
        url: str,
        doing: str,
        *,
        push: bool = False,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Any:
        answer = self._send(method, url, doing, headers={**(headers or {}), **self._headers()}, **more)
        if answer.status_code == 401:
            self._authenticate(answer, doing, push=push)
            answer = self._send(method, url, doing, headers={**(headers or {}), **self._headers()}, **more)
        return answer

    def _send(self, method: str, url: str, doing: str, **more: Any) -> Any:
        return self._tried(lambda: self._client.request(method, url, **more), doing)

    def _tried(self, send: Any, doing: str) -> Any:
        for pause in (*PAUSES, None):
            try:
                answer = send()
            except self._httpx.HTTPError as error:
                if pause is None or isinstance(error, self._httpx.ConnectError):
                    raise self._unreachable(error, doing) from error
            else:
                if pause is None or not _may_change_its_mind(answer):
                    return answer
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _authenticate(self, answer: Any, doing: str, *, push: bool = False) -> None:
        """Take the way that the registry's challenge names; raises StorageDenied when it does not let us in."""
        challenge = answer.headers.get("www-authenticate", "")
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic" and self._login.password:
            pair = f"{self._login.username}:{self._login.password}".encode()
            self._authorization = self._wanted["basic"] = f"Basic {base64.b64encode(pair).decode()}"
        elif kind.lower() == "bearer":
            self._authorization = f"Bearer {self._token(dict(CHALLENGE.findall(rest)), doing, push=push)}"
        else:
            raise self._denied(answer, doing)

    def _token(self, challenge: dict[str, str], doing: str, *, push: bool) -> str:
        realm = challenge.get("realm", "")
        if urlsplit(realm).scheme != "https" and not self.url.startswith("http://"):
            raise StorageRefused(f"the registry {self.image.registry} wants the login sent unencrypted, to {realm!r}")
        asked = {"scope": f"repository:{self.image.repository}:{'pull,push' if push else 'pull'}"}
        if "service" in challenge:
            asked["service"] = challenge["service"]
        if self._login.identity_token:
            form = {**asked, "grant_type": "refresh_token", "refresh_token": self._login.identity_token}
            form["client_id"] = "homeport"
            answer = self._send("POST", realm, doing, data=form)
        else:
            login = (self._login.username, self._login.password) if self._login else None
            answer = self._send("GET", realm, doing, params=asked, auth=login)
        if answer.status_code in (401, 403):
            raise self._denied(answer, doing)
        self._must(answer, 200, doing)
        try:
            given = answer.json()
            return str(given.get("token") or given["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise StorageRefused(f"{realm} gave no token for the registry {self.image.registry}") from None

    def _must(self, answer: Any, status: int, doing: str) -> None:
        if answer.status_code != status:
            raise self._refusal(answer, doing)

    def _must_be(self, body: bytes, digest: str, what: str) -> None:
        found = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if found != digest:
            raise DigestMismatch(
                f"{what} {digest} of {self.image} is something else in the registry: found {found}. "
                "Find out who wrote there, and register the flow again"
            )

    def _denied(self, answer: Any, doing: str) -> StorageError:
        return refusal(401, _said(answer), doing, self.image, self._login.origin)

    def _unreachable(self, error: Exception, doing: str) -> StorageUnreachable:
        return StorageUnreachable(
            f"cannot {doing} {self.image}: the registry at {self.url} gave no answer "
            f"({error or type(error).__name__}). Is it running, is the address right, and may this machine reach it?"
        )

    def _refusal(self, answer: Any, doing: str) -> StorageError:
        return refusal(answer.status_code, _said(answer), doing, self.image, self._login.origin)


def refusal(status: int, said: str, doing: str, image: ImageName, origin: str) -> StorageError:
    """What a registry's refusal means, whether it came to us or to the engine that spoke for us."""
    what, low = f"cannot {doing} {image}: ", said.lower()
    if status == 401 or "unauthorized" in low or "authentication required" in low or "no basic auth" in low:
        return StorageDenied(
            f"{what}the registry {image.registry} does not let us in ({said}), with {origin}. Log in with: "
            f"docker login {image.registry}; or mend the block's username and password"
        )
    if "immutable" in low or "tag_invalid" in low or "cannot be overwritten" in low:
        return StorageRefused(
            f"{what}the tag {image.tag or 'of the image'} exists, and this registry does not let tags be overwritten "
            f"({said}). Leave image_tag out: then each version gets a tag of its own"
        )
    if "no space left" in low or "quota" in low or status == 507:
        return StorageRefused(f"{what}the registry {image.registry} is full ({said}). Make room there")
    if status == 403 or "denied" in low:
        return StorageRefused(
            f"{what}the registry {image.registry} does not allow it ({said}), with {origin}. Let this user "
            f"{'push to' if doing == 'push to' else 'pull from'} {image.repository}"
        )
    if status == 404 or "name unknown" in low or "does not exist" in low:
        return StorageRefused(
            f"{what}the registry {image.registry} has no repository {image.repository} ({said}). Create it there, "
            "or mend registry_url and image_name"
        )
    if status in BUSY or SERVER_FAILED.search(said):
        return StorageUnreachable(
            f"{what}the registry {image.registry} has a failure of its own ({said}). Try later; its log says what it "
            "is (a full disk, mostly)"
        )
    return StorageRefused(f"{what}the registry {image.registry} refuses ({said})")


def _may_change_its_mind(answer: Any) -> bool:
    """Whether the same request may be answered otherwise in a moment."""
    if answer.status_code == 400:
        # Somebody else sends the same blob at this moment, and the registry writes its note of it anew.
        return b"MANIFEST_BLOB_UNKNOWN" in answer.content
    return answer.status_code in BUSY and "no space" not in _said(answer)


def _said(answer: Any) -> str:
    """The registry's own words: its errors as JSON, else the status."""
    status = f"HTTP {answer.status_code}"
    try:
        errors = json.loads(answer.content)["errors"]
        words = "; ".join(f"{error.get('code', '')}: {error.get('message', '')}".strip(": ") for error in errors)
        full = NO_SPACE.search(json.dumps(errors))
    except (ValueError, KeyError, TypeError, AttributeError):
        return status
    return f"{status}, {words}{', no space left on device' if full else ''}"[:400]


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _trust(registry: str) -> ssl.SSLContext:
    """The system's authorities (SSL_CERT_FILE honoured), and those that Docker itself trusts for this registry."""
    context = ssl.create_default_context()
    for folder in CERTIFICATES:
        try:
            for file in sorted((folder.expanduser() / registry).glob("*.crt")):
                context.load_verify_locations(file)
        except (OSError, ssl.SSLError) as error:
            raise StorageRefused(f"the certificate that Docker trusts for {registry} cannot be read: {error}") from None
    return context
