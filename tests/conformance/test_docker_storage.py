"""Docker images as storage: in a registry, and in the engine that built them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from homeport.code import Storage
from tests.conformance.storage_suite import TreeStorageSuite
from tests.services.docker_world import DockerWorld


class TestDockerRegistry(TreeStorageSuite):
    @pytest.fixture
    def storage(self, docker_world: DockerWorld) -> Storage:
        self.world = docker_world
        return docker_world.storage()

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        with self.world.registry.away():
            yield


class TestDockerEngine(TreeStorageSuite):
    @pytest.fixture
    def storage(self, docker_world: DockerWorld, monkeypatch: pytest.MonkeyPatch) -> Storage:
        self.world, self.is_away = docker_world, False
        monkeypatch.setenv("DOCKER_HOST", docker_world.engine.url)
        return docker_world.storage(registry_url=None, username=None, password=None, base_url=None)

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        socket = self.world.engine.socket
        hidden = socket.rename(socket.with_name("hidden.sock"))
        self.is_away = True
        try:
            yield
        finally:
            hidden.rename(socket)

    def location(self, storage: Storage, reference: dict[str, Any]) -> str:
        # An engine that is away cannot say which images it has: the message names the engine.
        return self.world.engine.url if self.is_away else super().location(storage, reference)
