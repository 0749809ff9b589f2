"""The registry's HTTP API as registries speak it: tokens, helpers, certificates, tags that cannot be overwritten.

Needs no engine: an image to add code to is a manifest, a config and a layer, given by the same API.
"""

import gzip
import hashlib
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import httpx
import pytest

from homeport.code import (
    CodeTree,
    DigestMismatch,
    StorageDenied,
    StorageError,
    StorageRefused,
    StorageUnreachable,
    collect,
    open_storage,
)
from homeport_storage.images import manifests
from homeport_storage.images import registry as registry_api
from homeport_storage.images.engine import Engine
from homeport_storage.images.environment import Environment
from homeport_storage.images.in_registry import RegistryImages
from homeport_storage.images.logins import Login, login_of
from homeport_storage.images.names import ImageName
from homeport_storage.images.registry import DOCKER_MANIFEST, Registry
from tests.services.registry import PASSWORD, USER, DockerRegistry
from tests.services.rewriting_proxy import rewriting_proxy
from tests.services.token_service import IDENTITY_TOKEN, TokenService, certificate, token_service

ANN = Login(USER, PASSWORD, origin="the user 'ann'")
KEY = "0123456789abcdef"


def no_engine() -> Engine:
    raise AssertionError("an engine was asked for")


@pytest.fixture
def tree(tmp_path: Path) -> CodeTree:
    root = tmp_path / "project"
    root.mkdir()
    (root / "flow.py").write_text("print('a flow')\n")
    return collect(root)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    server = DockerRegistry(tmp_path_factory.mktemp("registry"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenService]:
    with token_service(tmp_path_factory.mktemp("tokens")) as service:
        yield service


@pytest.fixture(scope="module")
def token_registry(tokens: TokenService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    server = DockerRegistry(tmp_path_factory.mktemp("registry"), auth=tokens.auth)
    server.start()
    yield server
    server.stop()


def give_environment(api: Registry) -> None:
    """An environment of one empty layer, as an engine would have pushed it."""
    layer = gzip.compress(bytes(1024), mtime=0)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["A=1"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(bytes(1024))]},
    }
    packed = json.dumps(config).encode()
    for blob in (layer, packed):
        with TemporaryFile() as stream:
            stream.write(blob)
            api.give_blob(digest_of(blob), len(blob), stream)
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": described("application/vnd.docker.container.image.v1+json", packed),
        "layers": [described("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
    }
    api.give_manifest(f"env-{KEY}", json.dumps(manifest).encode(), DOCKER_MANIFEST)


def described(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(blob), "digest": digest_of(blob)}


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def put(host: str, repository: str, login: Login, tree: CodeTree, tag: str = "1") -> str:
    """Put the tree on top of the environment; the image."""
    name = ImageName.parse(f"{host}/{repository}:{tag}")
    with Registry(name, login) as api:
        if api.digest(f"env-{KEY}") is None:
            give_environment(api)
        images = RegistryImages(api, login, no_engine)
        done = images.put(tree, Environment("", {}, KEY, (), None), "/opt/homeport", tag, {}, pull=False)
    return name.at(done.digest)


def fetch(image: str, tree: CodeTree, into: Path, **more: Any) -> None:
    reference = {"kind": "docker", "image": image, **more}
    assert open_storage(reference).fetch(reference, tree.digest, into) == tree.manifest


def test_a_registry_that_wants_tokens_gets_one_for_its_repository_and_what_is_done_there(
    token_registry: DockerRegistry,
    tokens: TokenService,
    tree: CodeTree,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    image = put(token_registry.host, "team/flows", ANN, tree)
    tokens.asked.clear()

    fetch(image, tree, tmp_path / "out", username=USER, password="env:REGISTRY_PASSWORD")

    assert tokens.asked == ["repository:team/flows:pull"]


def test_an_identity_token_is_exchanged_for_a_token(
    token_registry: DockerRegistry, tree: CodeTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = put(token_registry.host, "team/identity", Login(identity_token=IDENTITY_TOKEN), tree)
    config = {"auths": {token_registry.host: {"auth": "", "identitytoken": IDENTITY_TOKEN}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    fetch(image, tree, tmp_path / "out")


def test_a_token_service_that_knows_nobody_of_this_name_is_a_denial_by_the_registry(
    token_registry: DockerRegistry, tree: CodeTree
) -> None:
    with pytest.raises(StorageDenied, match=r"does not let us in.*the user 'ann'"):
        put(token_registry.host, "team/flows", Login(USER, "wrong", origin="the user 'ann'"), tree)


@pytest.mark.parametrize("kind", ["credHelpers", "credsStore"])
def test_a_credential_helper_is_asked_for_the_login(
    registry: DockerRegistry, tree: CodeTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    image = put(registry.host, "helped", ANN, tree)
    helper = tmp_path / "bin/docker-credential-tested"
    helper.parent.mkdir()
    helper.write_text(f"""#!/bin/sh
        read server
        [ "$1 $server" = "get {registry.host}" ] || {{ echo "credentials not found in native keychain"; exit 1; }}
        echo '{{"ServerURL": "x", "Username": "{USER}", "Secret": "{PASSWORD}"}}'
    """)
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    config = {kind: {registry.host: "tested"} if kind == "credHelpers" else "tested"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{helper.parent}:/usr/bin:/bin")

    fetch(image, tree, tmp_path / "out")


HELPERS: dict[str, Callable[[Path], object]] = {
    "is not on the PATH": lambda folder: None,
    "answered: the keychain is locked": lambda folder: helper(folder, "echo the keychain is locked; exit 1"),
    "gave no login that can be read": lambda folder: helper(folder, "echo nonsense"),
}


def helper(folder: Path, program: str) -> None:
    file = folder / "docker-credential-tested"
    file.write_text(f"#!/bin/sh\n{program}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("words", HELPERS)
def test_a_credential_helper_that_fails_is_named_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    HELPERS[words](tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "tested"}))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(StorageDenied, match=rf"r\.example\.com.*docker-credential-tested {words}"):
        login_of("r.example.com", None, None, {"DOCKER_CONFIG": str(tmp_path)})


def test_the_certificate_that_docker_trusts_for_a_registry_is_trusted(
    registry: DockerRegistry, tree: CodeTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    digest = put(registry.host, "over-tls", ANN, tree).partition("@")[2]
    secure = DockerRegistry(tmp_path / "secure", tls=certificate(tmp_path / "tls", "0.0.0.0"))
    secure.folder.mkdir()
    (secure.folder / "data").symlink_to(registry.folder / "data")
    # To everything that is not loopback by its name, https is spoken; this address is, and is not.
    host = f"0.0.0.0:{secure.port}"
    more = {"username": USER, "password": "env:REGISTRY_PASSWORD"}
    secure.start()
    try:
        with pytest.raises(StorageUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(f"{host}/over-tls@{digest}", tree, tmp_path / "out", **more)
        trusted = tmp_path / "certs.d" / host
        trusted.mkdir(parents=True)
        (trusted / "ca.crt").write_bytes((tmp_path / "tls/cert.pem").read_bytes())
        monkeypatch.setattr(registry_api, "CERTIFICATES", (tmp_path / "certs.d",))

        fetch(f"{host}/over-tls@{digest}", tree, tmp_path / "out", **more)
    finally:
        secure.stop()


IMMUTABLE = {
    "errors": [
        {
            "code": "TAG_INVALID",
            "message": "The image tag 'stable' already exists in the 'fixed' repository and cannot be overwritten "
            "because the repository is immutable.",
        }
    ]
}


def test_a_tag_that_cannot_be_overwritten_is_named_with_the_mend(registry: DockerRegistry, tree: CodeTree) -> None:
    """The common registry overwrites every tag; ECR's words are put in by a proxy, which passes on all else."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        refused = request.method == "PUT" and request.url.path.endswith("/manifests/stable")
        return httpx.Response(400, json=IMMUTABLE) if refused else None

    with rewriting_proxy(f"http://{registry.host}", answer) as host, pytest.raises(StorageRefused) as refused:
        put(host, "fixed", ANN, tree, tag="stable")

    for part in ("the tag stable exists", "Leave image_tag out", host):
        assert part in str(refused.value)


REFUSALS = [
    (403, {"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]}, StorageRefused),
    (404, {"errors": [{"code": "NAME_UNKNOWN", "message": "repository name not known to registry"}]}, StorageRefused),
    (
        429,
        {"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit"}]},
        StorageUnreachable,
    ),
    (503, None, StorageUnreachable),
]


@pytest.mark.parametrize(("status", "body", "expected"), REFUSALS)
def test_what_a_registry_answers_to_an_upload_is_passed_on_in_its_own_words(
    registry: DockerRegistry, tree: CodeTree, status: int, body: Any, expected: type[StorageError]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, json=body) if request.method == "POST" else None

    with rewriting_proxy(f"http://{registry.host}", answer) as host, pytest.raises(expected) as refused:
        put(host, f"refused-{status}", ANN, tree)

    assert f"HTTP {status}" in str(refused.value)
    assert f"refused-{status}" in str(refused.value)
    assert body is None or body["errors"][0]["message"] in str(refused.value)


def test_a_registry_that_begins_an_upload_and_says_no_place_for_it_is_told(
    registry: DockerRegistry, tree: CodeTree
) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(202) if request.method == "POST" else None

    with rewriting_proxy(f"http://{registry.host}", answer) as host, pytest.raises(StorageRefused) as refused:
        put(host, "nowhere", ANN, tree)

    assert f"cannot push to {host}/nowhere:1: http://{host} began an upload without saying where to" in str(
        refused.value
    )


def test_an_upload_that_breaks_off_is_tried_again(registry: DockerRegistry, tree: CodeTree, tmp_path: Path) -> None:
    broken: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PUT" and "/blobs/uploads/" in request.url.path and len(broken) < 2:
            broken.append(request.url.path)
            return httpx.Response(502)
        return None

    with rewriting_proxy(f"http://{registry.host}", answer) as host:
        image = put(host, "broken", ANN, tree)

    assert len(broken) == 2
    with Registry(ImageName.parse(f"{registry.host}/broken"), ANN) as api:
        assert api.manifest(image.partition("@")[2]) is not None


def test_a_login_is_never_sent_to_where_a_blob_is_redirected(
    registry: DockerRegistry, tree: CodeTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    digest = put(registry.host, "redirected", ANN, tree).partition("@")[2]
    seen: list[httpx.Headers] = []

    def elsewhere(request: httpx.Request) -> httpx.Response | None:
        seen.append(request.headers)
        blob = registry.blobs()[request.url.path.rpartition("/")[2]]
        return httpx.Response(200, content=blob.read_bytes())

    with rewriting_proxy(f"http://{registry.host}", elsewhere) as other:

        def answer(request: httpx.Request) -> httpx.Response | None:
            moved = {"location": f"http://{other}{request.url.path}"}
            # As registries do: to who is let in, and to nobody else.
            known = request.headers.get("authorization")
            return httpx.Response(307, headers=moved) if known and "/blobs/" in request.url.path else None

        with rewriting_proxy(f"http://{registry.host}", answer) as host:
            image = f"{host}/redirected@{digest}"
            fetch(image, tree, tmp_path / "out", username=USER, password="env:REGISTRY_PASSWORD")

    assert len(seen) == 2
    assert not any("authorization" in headers for headers in seen)


def test_a_registry_over_https_may_not_ask_for_the_login_unencrypted() -> None:
    api = Registry(ImageName.parse("r.example.com/x"), ANN)
    challenge = {"www-authenticate": 'Bearer realm="http://evil.example.com/token",service="r"'}

    with pytest.raises(StorageRefused, match=r"unencrypted.*evil\.example\.com"):
        api._authenticate(httpx.Response(401, headers=challenge), "read")


def test_a_layer_without_an_end_is_cut_off(
    registry: DockerRegistry, tree: CodeTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    image = put(registry.host, "endless", ANN, tree)
    with Registry(ImageName.parse(f"{registry.host}/endless"), ANN) as api:
        found = manifests.read(api, image.partition("@")[2])
        assert found is not None
        layer, _ = found.code_layer("it")

    def answer(request: httpx.Request) -> httpx.Response | None:
        asked = request.url.path.endswith(layer) and request.headers.get("authorization")
        return httpx.Response(200, content=b"x" * 64 * 1024 * 1024) if asked else None

    login = {"username": USER, "password": "env:REGISTRY_PASSWORD"}
    with rewriting_proxy(f"http://{registry.host}", answer) as host, pytest.raises(DigestMismatch, match=layer):
        fetch(image.replace(registry.host, host), tree, tmp_path / "out", **login)

    assert not list(tmp_path.glob("*out*"))
