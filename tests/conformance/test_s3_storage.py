"""An S3 bucket as storage of code, against rclone's server."""

from collections.abc import Iterator

import pytest

from tests.conformance.object_store_suite import ObjectStorageSuite
from tests.conformance.object_store_suite import known_secrets as known_secrets
from tests.services.s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


class TestS3Storage(ObjectStorageSuite):
    replaces_whole = False  # Amazon does; rclone's server is without the content for a moment, and says 404 or 500
