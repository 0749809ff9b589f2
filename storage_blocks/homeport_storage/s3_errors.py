"""What S3 and its library say, as what a caller can act on: which error, what was found, how to mend it.

Names of buckets, fields and regions are told; keys, tokens and signatures never are: of an answer only its code is
repeated, and its text where the code is "access denied", which names the action that is missing.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from homeport.code.errors import StorageDenied, StorageError, StorageRefused, StorageUnreachable
from homeport_storage.connection_failures import Answer, certificate_failure, connection_failure
from homeport_storage.s3_fields import S3Fields

KEYS = "Look at what access_key_id and secret_access_key name (or at the profile) on this machine"
REGION = "Set the field region to the bucket's: aws s3api get-bucket-location --bucket {bucket}"
RENEW = "Renew it where the credentials come from (aws sso login, or whatever fills the profile or the references)"
ADDRESS = "endpoint_url and region"
LATER = "Try again later; if it goes on, look at the server's health or at the quota of requests"

CODES: dict[str, Answer] = {
    "NoSuchBucket": (StorageRefused, "the bucket does not exist", "Make it with: aws s3 mb s3://{bucket}{at}"),
    "InvalidBucketName": (StorageRefused, "no bucket can have this name", "Correct the field bucket"),
    "InvalidAccessKeyId": (StorageDenied, "the access key is not known there", KEYS),
    "SignatureDoesNotMatch": (StorageDenied, "the secret access key does not fit the access key", KEYS),
    "InvalidClientTokenId": (StorageDenied, "the access key is not known there", KEYS),
    "ExpiredToken": (StorageDenied, "the session token has expired", RENEW),
    "ExpiredTokenException": (StorageDenied, "the session token has expired", RENEW),
    "TokenRefreshRequired": (StorageDenied, "the session token has expired", RENEW),
    "InvalidToken": (StorageDenied, "the session token is wrong", RENEW),
    "RequestTimeTooSkewed": (
        StorageDenied,
        "this machine's clock differs from the server's by more than 15 minutes",
        "Set the clock (timedatectl set-ntp true), or that of the server",
    ),
    "RequestExpired": (StorageDenied, "this machine's clock is wrong", "Set the clock (timedatectl set-ntp true)"),
    "AuthorizationHeaderMalformed": (StorageRefused, "the bucket is in another region", REGION),
    "PermanentRedirect": (StorageRefused, "the bucket is in another region", REGION),
    "IllegalLocationConstraintException": (StorageRefused, "the bucket is in another region", REGION),
    "AccessDenied": (StorageRefused, "access denied", "Allow it in the policy of the user or of the bucket: {actions}"),
    "AllAccessDisabled": (StorageRefused, "all access to the bucket is disabled", "Ask its owner"),
    "AccountProblem": (StorageRefused, "the account has a problem", "Look at the account's state and bills"),
    "KMS.DisabledException": (StorageRefused, "the KMS key is disabled", "Enable the key that encrypts the bucket"),
    "KMS.NotFoundException": (StorageRefused, "there is no such KMS key", "Correct the field kms_key_id"),
    "InvalidObjectState": (StorageRefused, "the object was archived", "Restore it, and keep code out of archiving"),
    "QuotaExceeded": (StorageRefused, "the quota is used up", "Make room, or raise the quota"),
    "XMinioStorageFull": (StorageRefused, "no space is left", "Make room on the server"),
    "EntityTooLarge": (StorageRefused, "the file is too large for one request", "Lower multipart_threshold"),
    "PreconditionFailed": (StorageUnreachable, "it was replaced while it was read", "Try again"),
    "SlowDown": (StorageUnreachable, "the server asks for fewer requests", LATER),
    "ServiceUnavailable": (StorageUnreachable, "the server is overloaded", LATER),
    "InternalError": (StorageUnreachable, "the server failed", LATER),
    "RequestTimeout": (StorageUnreachable, "the server waited too long for our bytes", LATER),
}
ACTIONS = {
    "look into": "s3:GetObject, and s3:ListBucket (without it, what is missing is denied, too)",
    "read": "s3:GetObject, and s3:ListBucket (without it, what is missing is denied, too)",
    "write to": "s3:PutObject and s3:AbortMultipartUpload, with kms:GenerateDataKey for an own key",
    "remove from": "s3:DeleteObject",
    "assume the role of": "sts:AssumeRole, in the user's policy and in the role's trust policy (with its external_id)",
}
FAILURES: tuple[tuple[type[BotoCoreError], Answer], ...] = (
    (
        boto.NoCredentialsError,
        (
            StorageDenied,
            "this machine has no credentials for it",
            "Name them by access_key_id and secret_access_key, or a profile; or give the machine a role",
        ),
    ),
    (boto.PartialCredentialsError, (StorageDenied, "half of the credentials is missing", KEYS)),
    (
        boto.ProfileNotFound,
        (StorageDenied, "this machine has no such profile", "Make it with: aws configure --profile NAME"),
    ),
    (boto.SSOTokenLoadError, (StorageDenied, "the single sign-on has ended", RENEW)),
    (boto.UnauthorizedSSOTokenError, (StorageDenied, "the single sign-on has ended", RENEW)),
    (boto.TokenRetrievalError, (StorageDenied, "the single sign-on has ended", RENEW)),
    (boto.CredentialRetrievalError, (StorageDenied, "the credentials could not be had", RENEW)),
    (boto.IncompleteReadError, (StorageUnreachable, "the connection broke off", LATER)),
    (boto.InvalidRegionError, (StorageRefused, "there is no such region", REGION)),
)


def code_of(error: ClientError) -> str:
    """The code that the server gave, or the number of its answer where that has no body."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    text = str(error.response.get("Error", {}).get("Message", ""))
    # Servers other than Amazon's give "access denied" for it.
    return "RequestTimeTooSkewed" if "request time and the" in text else code


def explained(error: Exception, fields: S3Fields, *, doing: str, where: str, tried: str) -> StorageError:
    """The error for what the library raised while `doing` ("write to") was tried, `tried` times."""
    if isinstance(error, ClientError) and error.operation_name == "AssumeRole":
        doing = "assume the role of"
    kind, found, mend = _answer(error, fields, tried)
    at = f" --endpoint-url {fields.endpoint_url}" if fields.endpoint_url else ""
    names: dict[str, Any] = {"bucket": fields.bucket, "at": at, "actions": ACTIONS.get(doing, "the action")}
    return kind(f"cannot {doing} {where}: {found}", mend.format(**names))


def _answer(error: Exception, fields: S3Fields, tried: str) -> Answer:
    if isinstance(error, ClientError):
        return _of_code(error)
    for known, answer in FAILURES:
        if isinstance(error, known):
            return answer
    failed = certificate_failure(error, fields.verify) or connection_failure(error, address=ADDRESS, tried=tried)
    if failed is not None:
        return failed
    if isinstance(error, BotoCoreError):
        return StorageRefused, f"{type(error).__name__}: {_line(str(error))}", "Look at the storage's fields"
    return StorageUnreachable, f"the connection broke off ({type(error).__name__})", LATER


def _of_code(error: ClientError) -> Answer:
    code = code_of(error)
    text = _line(str(error.response.get("Error", {}).get("Message", "")))
    if code in CODES:
        kind, found, mend = CODES[code]
        return kind, f"{found} ({code}{': ' + text if code == 'AccessDenied' and text else ''})", mend
    answer = error.response.get("ResponseMetadata", {})
    status = int(answer.get("HTTPStatusCode", 0))
    if 300 <= status < 400:
        place = urlsplit(answer.get("HTTPHeaders", {}).get("location", ""))
        to = f" to {place.scheme}://{place.hostname}{f':{place.port}' if place.port else ''}" if place.hostname else ""
        return StorageRefused, f"the server sends us elsewhere{to} ({status})", "Correct endpoint_url"
    kind = StorageUnreachable if status >= 500 else StorageRefused
    return kind, f"the server answered {status} {code}: {text}", LATER if status >= 500 else "Look at the fields"


def _line(text: str) -> str:
    """One line without control characters, and no longer than a message can bear."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]
