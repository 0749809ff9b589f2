"""What Azure and its library say, as what a caller can act on: which error, what was found, how to mend it.

The library's own texts are not repeated, and its exceptions not chained: they quote addresses, and in an address stands
the signature of a SAS.
"""

from __future__ import annotations

from datetime import datetime

from azure.core import exceptions as azure
from azure.core.exceptions import AzureError, HttpResponseError

from homeport.code.errors import StorageDenied, StorageError, StorageRefused, StorageUnreachable
from homeport_storage.azure_fields import AzureFields
from homeport_storage.connection_failures import Answer, certificate_failure, connection_failure

CREDENTIALS = "Look at what connection_string, account_key or sas_token names on this machine"
RIGHTS = "Give the role {role} on the container, or a SAS with the permissions {permissions}"
LATER = "Try again later; if it goes on, look at the account's health in the portal"
ADDRESS = "account_name, account_url or the connection string"

CODES: dict[str, Answer] = {
    "ContainerNotFound": (
        StorageRefused,
        "the container does not exist",
        "Make it with: az storage container create --name {container}",
    ),
    "ResourceNotFound": (StorageRefused, "there is no such account there", "Correct account_name or account_url"),
    "ContainerBeingDeleted": (StorageRefused, "the container is being deleted", "Wait, or take another container"),
    "ContainerDisabled": (StorageRefused, "the container is disabled", "Ask who administers the account"),
    "AccountIsDisabled": (StorageRefused, "the account is disabled", "Ask who administers the subscription"),
    "InvalidResourceName": (StorageRefused, "no blob can have this name", "Correct the fields container and prefix"),
    "InvalidAuthenticationInfo": (StorageDenied, "the token is wrong or has expired", "Log in again: az login"),
    "NoAuthenticationInformation": (StorageDenied, "it wants to know who we are", CREDENTIALS),
    "AuthorizationFailure": (StorageRefused, "access denied", RIGHTS + "; look at the account's firewall, too"),
    "AuthorizationPermissionMismatch": (StorageRefused, "access denied", RIGHTS),
    "AuthorizationServiceMismatch": (StorageRefused, "the SAS is for another service", "Make one for blobs"),
    "AuthorizationResourceTypeMismatch": (
        StorageRefused,
        "the SAS is not for blobs in it",
        "Make one for the container",
    ),
    "AuthorizationProtocolMismatch": (StorageRefused, "the SAS is for https only", "Use an https:// address"),
    "AuthorizationSourceIPMismatch": (StorageRefused, "the SAS is not for this machine's address", "Make one that is"),
    "InsufficientAccountPermissions": (StorageRefused, "access denied", RIGHTS),
    "KeyBasedAuthenticationNotPermitted": (
        StorageDenied,
        "the account takes no keys",
        "Leave account_key out and give account_name: then a role of this machine or of `az login` counts",
    ),
    "PublicAccessNotPermitted": (StorageDenied, "it wants to know who we are", CREDENTIALS),
    "LeaseIdMissing": (StorageRefused, "somebody holds a lease on the blob", "Break it: az storage blob lease break"),
    "BlobArchived": (StorageRefused, "the blob was archived", "Restore it, and keep code out of archiving"),
    "BlobImmutableDueToPolicy": (StorageRefused, "a policy forbids to replace it", "Take a container without one"),
    "InvalidBlockList": (StorageUnreachable, "another upload of the same blob ended meanwhile", "Try again"),
    "ConditionNotMet": (StorageUnreachable, "it was replaced while it was read", "Try again"),
    "ServerBusy": (StorageUnreachable, "the server asks for fewer requests", LATER),
    "OperationTimedOut": (StorageUnreachable, "the server took too long", LATER),
    "InternalError": (StorageUnreachable, "the server failed", LATER),
}
RIGHT_OF = {
    "look into": ("Storage Blob Data Reader", "rl"),
    "read": ("Storage Blob Data Reader", "rl"),
    "write to": ("Storage Blob Data Contributor", "rlcw"),
    "remove from": ("Storage Blob Data Contributor", "rlcwd"),
}


class NotACredential(ValueError):  # noqa: N818 - named for what was found
    """What a secret holds has not the form of a credential; the message does not repeat it."""


def code_of(error: HttpResponseError) -> str:
    """The code that the service gave, as it stands in CODES."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def explained(
    error: Exception, fields: AzureFields, *, doing: str, where: str, tried: str, expired: datetime | None
) -> StorageError:
    """The error for what the library raised while `doing` ("write to") was tried, `tried` times.

    `expired` is when the SAS ended, where it has.
    """
    kind, found, mend = _answer(error, fields, tried, expired)
    role, permissions = RIGHT_OF.get(doing, RIGHT_OF["write to"])
    names = {"container": fields.container, "role": role, "permissions": permissions}
    return kind(f"cannot {doing} {where}: {found}", mend.format(**names))


def _answer(error: Exception, fields: AzureFields, tried: str, expired: datetime | None) -> Answer:
    if isinstance(error, NotACredential):
        return StorageDenied, str(error), CREDENTIALS
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _of_answer(error, str(error), fields, expired)
    if isinstance(error, azure.ClientAuthenticationError):
        return (
            StorageDenied,
            "this machine has no credential that Azure takes",
            "Log in with az login, give the machine an identity, or name a connection_string, account_key or sas_token",
        )
    failed = certificate_failure(error, fields.verify) or connection_failure(error, address=ADDRESS, tried=tried)
    if failed is not None:
        return failed
    if isinstance(error, AzureError | OSError):
        return StorageUnreachable, "the connection broke off, or no answer came in time", LATER
    return StorageRefused, f"the credentials cannot be read ({type(error).__name__})", CREDENTIALS


def _of_answer(error: HttpResponseError, text: str, fields: AzureFields, expired: datetime | None) -> Answer:
    code = code_of(error)
    # Emulators say AuthorizationFailure where Azure says AuthenticationFailed; the sentence is the same.
    if code == "AuthenticationFailed" or (code == "AuthorizationFailure" and "failed to authenticate" in text):
        return _not_let_in(code, text, fields, expired)
    if code in CODES:
        kind, found, mend = CODES[code]
        return kind, f"{found} ({code})", mend
    status = error.status_code or 0
    if status in (401, 403):
        return StorageDenied, f"access denied ({status} {code})", CREDENTIALS
    if status >= 500 or status in (408, 429):
        return StorageUnreachable, f"the server answered {status} {code}", LATER
    return StorageRefused, f"the server answered {status} {code}", "Look at the storage's fields"


def _not_let_in(code: str, text: str, fields: AzureFields, expired: datetime | None) -> Answer:
    by_identity = (fields.account_name or fields.account_url) and not (fields.account_key or fields.sas_token)
    if by_identity:
        return StorageDenied, f"the token is wrong or has expired ({code})", "Log in again: az login"
    if expired is not None or "time frame" in text or "expir" in text.lower():
        at = f"it ended at {expired:%Y-%m-%d %H:%M} UTC; " if expired is not None else ""
        mend = "Make a new SAS and keep it where sas_token points; and look at this machine's clock"
        return StorageDenied, f"the SAS has expired, or is not valid yet ({at}{code})", mend
    if "date header" in text.lower():
        return StorageDenied, f"this machine's clock is wrong ({code})", "Set it: timedatectl set-ntp true"
    return StorageDenied, f"the key or the signature is wrong ({code})", CREDENTIALS
