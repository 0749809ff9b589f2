"""How a client of a container is made: who we are, timeouts, retries, connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient, ExponentialRetry
from requests.adapters import HTTPAdapter

from homeport_storage.azure_fields import AzureFields
from homeport_storage.parts import MIB

# The library holds about ten times as much while it downloads.
PIECE = 2 * MIB


def open_client(fields: AzureFields, secrets: Mapping[str, str | None], *, connections: int) -> ContainerClient:
    """A client for the container; `secrets` are the values of connection_string, account_key and sas_token, or None.

    Raises ValueError for a connection string or a key that has not the form of one.
    """
    options = _options(fields, connections)
    if secrets["connection_string"]:
        return ContainerClient.from_connection_string(secrets["connection_string"], fields.container, **options)
    address = fields.account_url or f"https://{fields.account_name}.blob.core.windows.net"
    return ContainerClient(address, fields.container, credential=_credential(fields, secrets), **options)


def _credential(fields: AzureFields, secrets: Mapping[str, str | None]) -> Any:
    if secrets["account_key"]:
        return AzureNamedKeyCredential(str(fields.account_name), secrets["account_key"])
    if secrets["sas_token"]:
        return AzureSasCredential(secrets["sas_token"].lstrip("?"))
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _options(fields: AzureFields, connections: int) -> dict[str, Any]:
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=connections, pool_maxsize=connections))
    return {
        "transport": RequestsTransport(
            session=session,
            session_owner=True,
            connection_timeout=fields.connect_timeout,
            read_timeout=fields.read_timeout,
            connection_verify=fields.verify or True,
        ),
        # The library's own wait 15, 18 and 24 seconds: minutes until an unreachable account is said to be that.
        "retry_policy": ExponentialRetry(
            initial_backoff=1, increment_base=2, retry_total=fields.max_attempts - 1, random_jitter_range=1
        ),
        "max_single_get_size": PIECE,
        "max_chunk_get_size": PIECE,
        "max_single_put_size": fields.multipart_threshold,
    }
