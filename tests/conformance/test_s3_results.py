"""An S3 bucket as storage of results, against rclone's server."""

from collections.abc import Iterator

import pytest

from homeport.storage import S3
from tests.conformance.object_store_suite import ObjectResultSuite
from tests.conformance.object_store_suite import known_secrets as known_secrets
from tests.services.s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


class TestS3Results(ObjectResultSuite):
    described = S3
