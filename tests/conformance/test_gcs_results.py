"""A bucket of Google Cloud Storage as storage of results, against an emulator, which checks no rights."""

from collections.abc import Iterator

import pytest

from homeport.storage import GCS
from tests.conformance.object_store_suite import ObjectResultSuite
from tests.conformance.object_store_suite import known_secrets as known_secrets
from tests.services.gcs_server import GcsServer, gcs_server


@pytest.fixture(scope="module")
def server() -> Iterator[GcsServer]:
    with gcs_server() as running:
        yield running


class TestGcsResults(ObjectResultSuite):
    described = GCS
