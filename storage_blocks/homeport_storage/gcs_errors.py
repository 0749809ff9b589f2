"""What Google Cloud Storage and its library say, as what a caller can act on: which error, what was found, the mend."""

from __future__ import annotations

from google.api_core import exceptions as google
from google.api_core.exceptions import GoogleAPICallError
from google.auth import exceptions as auth
from requests import exceptions as http

from homeport.code.errors import StorageDenied, StorageError, StorageRefused, StorageUnreachable

Answer = tuple[type[StorageError], str, str]

LATER = "Try again later; if it goes on, look at status.cloud.google.com and at the quota of requests"
ADDRESS = "Look at endpoint, and whether this machine may reach that host"
LOGIN = "Name a key by service_account_info, or log in: gcloud auth application-default login"
ROLES = {
    "look into": "roles/storage.objectViewer",
    "read": "roles/storage.objectViewer",
    "write to": "roles/storage.objectUser",
    "remove from": "roles/storage.objectUser",
}
FAILURES: tuple[tuple[type[Exception], Answer], ...] = (
    (google.Unauthorized, (StorageDenied, "it wants to know who we are", LOGIN)),
    (
        google.Forbidden,
        (
            StorageRefused,
            "access denied",
            "Give the role: gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=... --role={role}",
        ),
    ),
    (google.TooManyRequests, (StorageUnreachable, "the server asks for fewer requests", LATER)),
    (google.ServerError, (StorageUnreachable, "the server failed", LATER)),
    (google.RetryError, (StorageUnreachable, "no answer within the time", ADDRESS)),
    (auth.DefaultCredentialsError, (StorageDenied, "this machine has no credentials for it", LOGIN)),
    (auth.RefreshError, (StorageDenied, "the credentials are not accepted, or have expired", LOGIN)),
    (auth.MalformedError, (StorageDenied, "service_account_info is no key of a service account", LOGIN)),
    (auth.TransportError, (StorageUnreachable, "Google's login cannot be reached", ADDRESS)),
    (http.SSLError, (StorageUnreachable, "the server's certificate is not trusted", "Set REQUESTS_CA_BUNDLE")),
    (http.ProxyError, (StorageUnreachable, "the proxy does not answer", "Look at HTTPS_PROXY and NO_PROXY")),
    (http.ConnectTimeout, (StorageUnreachable, "no connection within the time", ADDRESS)),
    (http.Timeout, (StorageUnreachable, "the server stopped answering", LATER)),
    (http.ConnectionError, (StorageUnreachable, "no connection", ADDRESS)),
    (http.RequestException, (StorageUnreachable, "the connection broke off", LATER)),
)


def explained(error: Exception, *, doing: str, where: str, bucket: str) -> StorageError:
    """The error for what the library raised while `doing` ("write to") was tried."""
    kind, found, mend = _answer(error)
    return kind(f"cannot {doing} {where}: {found}", mend.format(bucket=bucket, role=ROLES.get(doing, ROLES["read"])))


def _answer(error: Exception) -> Answer:
    if isinstance(error, google.RetryError) and error.cause is not None:
        return _answer(error.cause)
    if isinstance(error, google.NotFound):
        return StorageRefused, "the bucket does not exist", "Make it with: gcloud storage buckets create gs://{bucket}"
    if isinstance(error, http.ConnectionError) and "resolve" in str(error):
        return StorageUnreachable, "the server's name cannot be resolved (DNS)", ADDRESS
    for known, answer in FAILURES:
        if isinstance(error, known):
            return answer
    if isinstance(error, GoogleAPICallError):
        return StorageRefused, f"the server answered {error.code}", "Look at the storage's fields"
    if isinstance(error, OSError):
        return StorageUnreachable, "the connection broke off", LATER
    return StorageDenied, f"the credentials cannot be read ({type(error).__name__})", LOGIN
