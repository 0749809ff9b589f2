"""A bucket of Google Cloud Storage as storage of code, against an emulator, which checks no rights."""

from collections.abc import Iterator

import pytest

from tests.conformance.object_store_suite import ObjectStorageSuite
from tests.conformance.object_store_suite import known_secrets as known_secrets
from tests.services.gcs_server import GcsServer, gcs_server


@pytest.fixture(scope="module")
def server() -> Iterator[GcsServer]:
    with gcs_server() as running:
        yield running


class TestGcsStorage(ObjectStorageSuite):
    pass
