"""An Azure container as storage of code, against Azurite."""

from collections.abc import Iterator

import pytest

from tests.conformance.object_store_suite import ObjectStorageSuite
from tests.conformance.object_store_suite import known_secrets as known_secrets
from tests.services.azurite import Azurite, azurite


@pytest.fixture(scope="module")
def server() -> Iterator[Azurite]:
    with azurite() as running:
        yield running


class TestAzureStorage(ObjectStorageSuite):
    pass
