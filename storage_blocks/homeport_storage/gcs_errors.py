"""What Google Cloud Storage and its library say, as what a caller can act on: which error, what was found, the mend."""

from __future__ import annotations

import re

from google.api_core import exceptions as google
from google.api_core.exceptions import GoogleAPICallError
from google.auth import exceptions as auth
from google.cloud.storage.exceptions import InvalidResponse

from homeport.code.errors import StorageDenied, StorageError, StorageRefused, StorageUnreachable
from homeport_storage.connection_failures import Answer, certificate_failure, connection_failure
from homeport_storage.gcs_fields import GcsFields

LATER = "Try again later; if it goes on, look at status.cloud.google.com and at the quota of requests"
ADDRESS = "endpoint"
LOGIN = "Name a key by service_account_info, or log in: gcloud auth application-default login"
ROLES = {
    "look into": "roles/storage.objectViewer",
    "read": "roles/storage.objectViewer",
    "write to": "roles/storage.objectUser",
    "remove from": "roles/storage.objectUser",
}
NO_KEY: Answer = (StorageDenied, "what service_account_info names is no key of a service account (JSON)", LOGIN)
GRANT = "gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=... --role={role}"
FAILURES: tuple[tuple[type[Exception], Answer], ...] = (
    (google.Unauthorized, (StorageDenied, "it wants to know who we are", LOGIN)),
    (google.TooManyRequests, (StorageUnreachable, "the server asks for fewer requests", LATER)),
    (google.ServerError, (StorageUnreachable, "the server failed", LATER)),
    (auth.MalformedError, NO_KEY),
    (auth.InvalidOperation, (StorageDenied, "it wants to know who we are", LOGIN)),
    (auth.DefaultCredentialsError, (StorageDenied, "this machine has no credentials for it", LOGIN)),
    (auth.RefreshError, (StorageDenied, "the credentials are not accepted, or have expired", LOGIN)),
)


def explained(error: Exception, fields: GcsFields, *, doing: str, where: str, tried: str) -> StorageError:
    """The error for what the library raised while `doing` ("write to") was tried; `tried` says for how long."""
    kind, found, mend = _answer(error, fields, tried)
    role = ROLES.get(doing, ROLES["read"])
    return kind(f"cannot {doing} {where}: {found}", mend.format(bucket=fields.bucket, role=role))


def _answer(error: Exception, fields: GcsFields, tried: str) -> Answer:
    if isinstance(error, google.RetryError) and error.cause is not None:
        return _answer(error.cause, fields, tried)
    if isinstance(error, InvalidResponse):
        error = google.from_http_response(error.response)  # type: ignore[no-untyped-call]
    if isinstance(error, google.NotFound):
        return StorageRefused, "the bucket does not exist", "Make it with: gcloud storage buckets create gs://{bucket}"
    if isinstance(error, google.Forbidden):
        return _denied(str(error))
    for known, answer in FAILURES:
        if isinstance(error, known):
            return answer
    failed = certificate_failure(error, fields.verify) or connection_failure(error, address=ADDRESS, tried=tried)
    if failed is not None:
        return failed
    if isinstance(error, GoogleAPICallError):
        return StorageRefused, f"the server answered {error.code}", "Look at the storage's fields"
    if isinstance(error, OSError):
        return StorageUnreachable, "the connection broke off", LATER
    return NO_KEY


def _denied(text: str) -> Answer:
    """Of the text only the permission is repeated: the rest quotes an address."""
    named = re.search(r"\bstorage\.[a-z]+\.[a-z]+\b", text, re.IGNORECASE)
    missing = f", {named[0]} is missing" if named else ""
    mend = f"Give the role: {GRANT} (and look at the bucket's name: Google says the same where there is no such bucket)"
    return StorageRefused, f"access denied{missing}", mend
