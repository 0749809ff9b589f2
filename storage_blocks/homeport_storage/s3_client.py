"""How a client of S3 is made: credentials, the role that is assumed with them, timeouts, retries, connections.

Of boto3 only its core is loaded: its resources and transfers, which are not used here, take as long again.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.loaders import create_loader
from botocore.session import Session

if TYPE_CHECKING:
    from homeport_storage.s3_fields import S3Fields

ASKED_FROM = 1024 * 1024

# The descriptions of the services, which are megabytes of JSON, are read once in a process.
_loader = create_loader()


def open_client(fields: S3Fields, keys: Mapping[str, str | None], *, connections: int) -> Any:
    """A client for the bucket; what it needs of the machine (a profile, a role) is looked for by its first call.

    `keys` are the values of access_key_id, secret_access_key and session_token; None for what was not given. Raises
    what botocore raises.
    """
    session, region = _session(fields, keys)
    client = session.create_client(
        "s3", region_name=region, endpoint_url=fields.endpoint_url, config=_config(fields, connections)
    )
    client.meta.events.register("before-call.s3.HeadBucket", _ask_once)
    client.meta.events.register_last("before-call.s3", _sent_at_once)
    return client


def _ask_once(params: dict[str, Any], **_: Any) -> None:
    """The library asks for the bucket where an answer leads elsewhere; led elsewhere by that, it would ask for ever."""
    params["context"]["s3_redirect"]["redirected"] = True


def _sent_at_once(params: Any, **_: object) -> None:
    """Do not ask first whether a small body may be sent: being asked costs the server as much as being sent it."""
    body = params.get("body")
    if isinstance(body, BytesIO):
        at = body.tell()
        small = body.seek(0, SEEK_END) < ASKED_FROM  # looking at its buffer would copy it
        body.seek(at)
        if small:
            params["headers"].pop("Expect", None)


def _config(fields: S3Fields, connections: int) -> Config:
    # Checksums as trailers are Amazon's since 2025; other servers keep them as part of the content, or refuse them.
    # Nothing is lost: what is read back is compared with its SHA-256.
    when = "when_required" if fields.endpoint_url else None
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": fields.addressing_style},
        connect_timeout=fields.connect_timeout,
        read_timeout=fields.read_timeout,
        retries={"mode": fields.retry_mode, "total_max_attempts": fields.max_attempts},
        max_pool_connections=connections,
        request_checksum_calculation=when,
        response_checksum_validation=when,
        tcp_keepalive=True,
    )


def _session(fields: S3Fields, keys: Mapping[str, str | None]) -> tuple[Session, str]:
    session = _botocore_session(fields)
    region = fields.region or session.get_config_variable("region") or "us-east-1"
    if keys["access_key_id"] is not None:
        session.set_credentials(keys["access_key_id"], keys["secret_access_key"], keys["session_token"])
    if fields.role_arn is None:
        return session, region
    credentials = session.get_credentials()
    if credentials is None:
        from botocore.exceptions import NoCredentialsError

        raise NoCredentialsError
    named = {"RoleSessionName": fields.session_name}
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=_sts_of(session, fields, region),
        source_credentials=credentials,
        role_arn=fields.role_arn,
        extra_args=named | ({"ExternalId": fields.external_id} if fields.external_id else {}),
    )
    assumed = _botocore_session(fields)
    assumed._credentials = DeferredRefreshableCredentials(  # botocore has no public way to give refreshable ones
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return assumed, region


def _botocore_session(fields: S3Fields) -> Session:
    session = Session(profile=fields.profile)
    session.register_component("data_loader", _loader)
    if fields.verify:
        session.set_config_variable("ca_bundle", fields.verify)
    return session


def _sts_of(session: Session, fields: S3Fields, region: str) -> Any:
    def create(service: str, **given: Any) -> Any:
        timeouts = Config(
            connect_timeout=fields.connect_timeout,
            read_timeout=fields.read_timeout,
            retries={"mode": "standard", "total_max_attempts": fields.max_attempts},
        )
        return session.create_client(service, region_name=region, config=timeouts, **given)

    return create
