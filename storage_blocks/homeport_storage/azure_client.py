"""How a client of a container is made: who we are, timeouts, retries, connections."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import requests
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient, ExponentialRetry
from requests.adapters import HTTPAdapter

from homeport_storage.azure_errors import NotACredential
from homeport_storage.azure_fields import AzureFields
from homeport_storage.parts import MIB

# The library holds about ten times as much while it downloads.
PIECE = 2 * MIB
SCOPE = "https://storage.azure.com/.default"

# Where a program has no logging of its own, the library's pages of warnings would be printed above our one sentence.
logging.getLogger("azure").addHandler(logging.NullHandler())


def open_client(fields: AzureFields, secrets: Mapping[str, str | None], *, connections: int) -> ContainerClient:
    """A client for the container; `secrets` are the values of connection_string, account_key and sas_token, or None.

    Raises NotACredential for what has not the form of one, and what azure-identity raises where nobody is logged in.
    """
    options = _options(fields, connections)
    if secrets["connection_string"]:
        text = secrets["connection_string"]
        try:
            if "AccountKey=" in text or "SharedAccessSignature=" in text:
                return ContainerClient.from_connection_string(text, fields.container, **options)
        except ValueError:
            pass
        raise NotACredential("what connection_string names is no connection string of a storage account")
    address = fields.account_url or f"https://{fields.account_name}.blob.core.windows.net"
    return ContainerClient(address, fields.container, credential=_credential(fields, secrets), **options)


def sas_ends(secrets: Mapping[str, str | None]) -> datetime | None:
    """When the SAS ends; None where there is none, or it does not say (a policy of the container does)."""
    token = secrets["sas_token"] or (secrets["connection_string"] or "").partition("SharedAccessSignature=")[2]
    try:
        ends = datetime.fromisoformat(parse_qs(token.lstrip("?"))["se"][0])
    except (KeyError, ValueError):
        return None
    return ends if ends.tzinfo else ends.replace(tzinfo=UTC)


def _credential(fields: AzureFields, secrets: Mapping[str, str | None]) -> Any:
    if secrets["account_key"]:
        try:
            base64.b64decode(secrets["account_key"], validate=True)
        except binascii.Error:
            raise NotACredential("what account_key names is no key of a storage account (base64)") from None
        return AzureNamedKeyCredential(str(fields.account_name), secrets["account_key"])
    if secrets["sas_token"]:
        if "sig=" not in secrets["sas_token"]:
            raise NotACredential("what sas_token names is no SAS (sv=...&sig=...)")
        return AzureSasCredential(secrets["sas_token"].lstrip("?"))
    if (fields.account_url or "").startswith("http://"):
        raise NotACredential("without a key, who we are is shown over https:// only")
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential()
    credential.get_token(SCOPE)  # else its absence would be found out by each request, and be tried again
    return credential


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
            initial_backoff=0, increment_base=2, retry_total=fields.max_attempts - 1, random_jitter_range=1
        ),
        "max_single_get_size": PIECE,
        "max_chunk_get_size": PIECE,
        "max_single_put_size": fields.multipart_threshold,
    }
