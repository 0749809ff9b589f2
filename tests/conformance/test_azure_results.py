"""An Azure container as storage of results, against Azurite."""

from collections.abc import Iterator

import pytest

from homeport.storage import Azure
from tests.conformance.object_store_suite import ObjectResultSuite
from tests.conformance.object_store_suite import known_secrets as known_secrets
from tests.services.azurite import Azurite, azurite


@pytest.fixture(scope="module")
def server() -> Iterator[Azurite]:
    with azurite() as running:
        yield running


class TestAzureResults(ObjectResultSuite):
    described = Azure
