"""`azure:VAULT/NAME`: secrets in Azure Key Vault, read with the credential that DefaultAzureCredential finds here.

azure:my-vault/smb-password               the newest version
azure:my-vault/smb-password/0123...       a version
azure:my-vault/smb#password               a key of a secret that is a JSON object
azure:my-vault.vault.azure.cn/smb         a vault of another cloud than the public one, by its host

What the portal shows as identifier, `https://my-vault.vault.azure.net/secrets/smb-password`, may stand after `azure:`,
too.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.secrets.errors import (
    InvalidReference,
    SecretDenied,
    SecretError,
    SecretNotFound,
    SecretUnreachable,
    not_installed,
)
from homeport.secrets.parts import part_of

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

FORM = "azure:VAULT/NAME or azure:VAULT/NAME#JSON-KEY"
CONNECT_SECONDS, ANSWER_SECONDS, RETRIES = 3, 5, 1

_VAULT = r"[A-Za-z](?:-?[A-Za-z0-9]){1,23}"
_DOMAIN = r"(?:\.[A-Za-z0-9-]{1,63}){2,6}"
_PLACE = rf"https://(?P<full>{_VAULT}{_DOMAIN})/secrets|(?P<host>{_VAULT}{_DOMAIN})|(?P<vault>{_VAULT})"
_WHICH = r"(?P<name>[A-Za-z0-9-]{1,127})(?:/(?P<version>[A-Za-z0-9]{1,64}))?"
_REFERENCE = re.compile(rf"(?:{_PLACE})/{_WHICH}(?:\#(?P<key>.+))?")

Failure = tuple[type[SecretError], str, str]

_NOWHERE = logging.NullHandler()
_LATER = "Try again later."
_NO_ANSWER = re.compile(
    r"Failed to (?:resolve|establish)|Unable to connect|timed out|Connection (?:aborted|reset)", re.I
)
_LOGIN_AWAY: Failure = (
    SecretUnreachable,
    "Azure's login does not answer",
    "Look whether this machine may reach it (a proxy, its identity's endpoint).",
)
_NOBODY: Failure = (
    SecretDenied,
    "this machine has no credential that Azure takes",
    "Give it an identity, or log in: az login; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
)


@dataclass(frozen=True, slots=True)
class Named:
    """A parsed reference."""

    host: str
    name: str
    version: str | None
    key: str | None

    @property
    def vault(self) -> str:
        """The vault's name."""
        return self.host.partition(".")[0]


def parsed(name: str) -> Named:
    """What stands after `azure:`. Raises InvalidReference, which does not repeat it."""
    match = _REFERENCE.fullmatch(name)
    if match is None:
        raise InvalidReference(f"'azure:...' is no reference to a secret of Azure Key Vault. Write {FORM}.")
    host = match["full"] or match["host"] or f"{match['vault']}.vault.azure.net"
    return Named(host.lower(), match["name"], match["version"], match["key"])


def value_of(name: str) -> str:
    """The text under `azure:` and this name. Raises InvalidReference and SecretError."""
    named, reference = parsed(name), f"azure:{name}"
    try:
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
        from azure.keyvault.secrets import SecretClient
    except ModuleNotFoundError as error:
        raise not_installed(reference, error, extra="azure") from None
    # It warns of each way that led nowhere, on standard error where nobody set up logging; our error says what to do.
    logging.getLogger("azure.identity").addHandler(_NOWHERE)
    limits = {
        "connection_timeout": CONNECT_SECONDS,
        "read_timeout": ANSWER_SECONDS,
        "retry_total": RETRIES,
        "retry_backoff_factor": 0.2,
    }
    try:
        with (
            DefaultAzureCredential(**limits) as credential,
            SecretClient(f"https://{named.host}", credential, **limits) as client,
        ):
            text = client.get_secret(named.name, named.version).value
    except (AzureError, ValueError) as error:
        # Not chained: the library's texts go on for pages, and name tenants and addresses.
        raise _failed(reference, named, _answer(error, named.host)) from None
    if text is None:
        raise SecretNotFound(reference, f"The secret {reference} has no value.")
    return part_of(text, named.key, reference=reference)


def _failed(reference: str, named: Named, failure: Failure) -> SecretError:
    kind, found, mend = failure
    names = {"vault": named.vault, "host": named.host, "name": named.name}
    return kind(reference, f"The secret {reference} cannot be read: {found.format(**names)}.", mend.format(**names))


def _answer(error: Exception, host: str) -> Failure:
    from azure.core import exceptions as azure

    if isinstance(error, azure.HttpResponseError) and error.status_code is not None:
        return _of_answer(error, int(error.status_code))
    if isinstance(error, azure.ClientAuthenticationError):
        return _of_login(str(error))
    if isinstance(error, azure.ServiceRequestError | azure.ServiceResponseError):
        return _unanswered(str(error), host)
    if isinstance(error, ValueError):
        return (
            SecretDenied,
            "what answers at {host} is no vault of this cloud",
            "Look at the vault's host and at proxies.",
        )
    return SecretUnreachable, f"the connection to {{host}} broke off ({type(error).__name__})", _LATER


def _not_let_in(code: str) -> Failure:
    return (
        SecretDenied,
        f"Azure does not accept the credential of this machine ({code})",
        "Look who it is (az account show), or at AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
    )


def _of_login(text: str) -> Failure:
    """What DefaultAzureCredential says of each way that it tried; the last one is that at which it gave up."""
    refused = re.search(r"AADSTS\d+", text)
    if refused:
        return _not_let_in(refused[0])
    tried = re.findall(r"^\t\w+: (.*)", text, re.MULTILINE)
    return _LOGIN_AWAY if tried and _NO_ANSWER.search(tried[-1]) else _NOBODY


def _of_answer(error: HttpResponseError, status: int) -> Failure:
    said = error.error
    inner = said.innererror if said is not None else None
    why = str(inner.get("code", "")) if inner else ""
    if status == 404:
        return SecretNotFound, "the vault {vault} has none of this name", "az keyvault secret list --vault-name {vault}"
    if why == "SecretDisabled":
        mend = "az keyvault secret set-attributes --vault-name {vault} --name {name} --enabled true"
        return SecretNotFound, "it is disabled", mend
    if status == 401:
        return _not_let_in("401")
    if why == "ForbiddenByFirewall":
        return (
            SecretDenied,
            "the firewall of the vault {vault} does not let this machine in",
            "Allow its address there.",
        )
    if status == 403:
        return (
            SecretDenied,
            "access denied by the vault {vault}",
            "Give this identity the role Key Vault Secrets User on it (or the access policy Get of secrets).",
        )
    if status == 429 or status >= 500:
        return SecretUnreachable, f"the vault {{vault}} answered {status}", _LATER
    return SecretDenied, f"the vault {{vault}} answered {status}", "Look at the reference."


def _unanswered(text: str, host: str) -> Failure:
    if "certificate" in text.lower():
        return SecretUnreachable, "the certificate of {host} is not trusted here", "Look at REQUESTS_CA_BUNDLE."
    if "proxy" in text.lower():
        return SecretUnreachable, "the proxy does not lead to {host}", "Look at HTTPS_PROXY and NO_PROXY."
    if "host='" in text and host not in text:
        return _LOGIN_AWAY
    if "resolve" in text or "Name or service" in text:
        return (
            SecretUnreachable,
            "there is no vault {vault}, or its name {host} cannot be resolved here (DNS)",
            "Look at the vault's name: az keyvault list",
        )
    mend = "Look whether this machine may reach it (the vault's firewall, a private endpoint, a proxy)."
    return SecretUnreachable, "{host} does not answer", mend
