"""An engine, a registry and base images, started once a session for all tests that ask: fixtures."""

import base64
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from homeport.code import Storage, open_storage
from tests.services.docker_engine import ROOT, DockerEngine, base_image, homeport_image
from tests.services.registry import PASSWORD, USER, DockerRegistry

DEPENDENCIES = "homeport-tests/dependencies:1"
READY = "homeport-tests/ready:1"


@dataclass
class DockerWorld:
    """What a user of Docker has: an engine, a registry with a login, base images in the engine."""

    engine: DockerEngine
    registry: DockerRegistry

    def described(self, **more: Any) -> dict[str, Any]:
        """A description of storage in the registry, each time of a repository of its own."""
        return {
            "kind": "docker",
            "registry_url": self.registry.host,
            "image_name": f"flows-{uuid.uuid4().hex[:12]}",
            "username": USER,
            "password": "env:REGISTRY_PASSWORD",
            "base_image": READY,
            "local_image": True,
            "base_url": self.engine.url,
            **more,
        }

    def storage(self, **more: Any) -> Storage:
        """The same, opened."""
        return open_storage(self.described(**more))

    def push_base(self, name: str) -> str:
        """Push the base image to the registry, under a name there; the whole name."""
        whole = f"{self.registry.host}/{name}"
        self.engine.docker("tag", READY, whole)
        self.engine.docker("login", "-u", USER, "--password-stdin", self.registry.host, stdin=PASSWORD.encode())
        self.engine.docker("push", "-q", whole)
        self.engine.docker("logout", self.registry.host)
        self.engine.docker("rmi", whole)
        return whole

    def docker_config(self, folder: Path, **config: Any) -> Path:
        """A folder as `docker login` leaves it: the login in `auths`, unless told otherwise."""
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config or {"auths": {self.registry.host: {"auth": auth}}}))
        return folder

    def images(self) -> set[str]:
        """Every image that there is, the nameless ones too."""
        return set(self.engine.docker("images", "-aq", "--no-trunc").split())

    def containers(self) -> list[str]:
        """Every container that there is, running or not."""
        return self.engine.docker("ps", "-aq").split()


@pytest.fixture(scope="session")
def docker_world_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerWorld]:
    """One engine and one registry for all tests of a worker."""
    folder = tmp_path_factory.mktemp("docker")
    engine, registry = DockerEngine(folder / "engine"), DockerRegistry(folder / "registry")
    try:
        engine.start()
        registry.start()
        base_image(engine, DEPENDENCIES)
        homeport_image(engine, DEPENDENCIES, READY)
        yield DockerWorld(engine, registry)
    finally:
        registry.stop()
        engine.stop()


@pytest.fixture
def docker_world(docker_world_of_session: DockerWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DockerWorld:
    """The same for one test, whose environment has the registry's password and no login of Docker's."""
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker-config"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return docker_world_of_session


@pytest.fixture(scope="session")
def homeport_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Homeport as a wheel, built from this repository."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))
