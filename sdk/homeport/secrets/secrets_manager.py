"""`aws:NAME`: secrets in AWS Secrets Manager, read by boto3 with the credentials that it finds on this machine.

aws:prod/smb                                     the text of the secret, in the region of this machine's configuration
aws:prod/smb?region=eu-central-1                 in another region
aws:prod/smb#password                            a key of a secret that is a JSON object
aws:prod/smb?region=eu-central-1#password        both
aws:arn:aws:secretsmanager:eu-central-1:...      by ARN, whose region counts; of another account, too

Names have neither `?` nor `#`. Profile, role, region and endpoint are boto3's own: AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL_SECRETS_MANAGER, `~/.aws/config`, the role of the machine, task or pod.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from homeport.secrets.errors import (
    InvalidReference,
    SecretDenied,
    SecretError,
    SecretNotFound,
    SecretUnreachable,
    SecretUnreadable,
    not_installed,
)
from homeport.secrets.parts import part_of

FORM = "aws:NAME, aws:NAME#JSON-KEY or aws:NAME?region=REGION#JSON-KEY"
CONNECT_SECONDS, ANSWER_SECONDS, ATTEMPTS = 3, 5, 2

_NAME = r"(?:arn:aws[a-z-]*:secretsmanager:(?P<home>[a-z0-9-]+):\d{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}"
_REFERENCE = re.compile(rf"(?P<name>{_NAME})(?:\?region=(?P<region>[a-z0-9-]{{1,30}}))?(?:\#(?P<key>.+))?")

Failure = tuple[type[SecretError], str, str]

_LOGIN = "Look at what boto3 finds here: aws sts get-caller-identity"
_LATER = "Try again later."
_ADDRESS = "Look at the region, and whether this machine may reach Secrets Manager there (a VPC endpoint, a proxy)."
_KEYS = (
    "Look at AWS_ACCESS_KEY_ID, AWS_PROFILE or the role of this machine; aws sts get-caller-identity says who it is."
)
_NOT_ALLOWED: Failure = (
    SecretDenied,
    "access denied in {where}",
    "Allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key where that is not the account's own.",
)
_CODES: dict[str, Failure] = {
    "ResourceNotFoundException": (
        SecretNotFound,
        "there is none of this name in {where}",
        "Look at the name and the region: aws secretsmanager list-secrets",
    ),
    "InvalidRequestException": (
        SecretNotFound,
        "it is marked for deletion, or has no value yet, in {where}",
        "Take the deletion back: aws secretsmanager restore-secret --secret-id {name}",
    ),
    "AccessDeniedException": _NOT_ALLOWED,
    "DecryptionFailure": (SecretDenied, "its KMS key cannot be used", "Allow kms:Decrypt on the key that encrypts it."),
    "ExpiredTokenException": (SecretDenied, "the credentials of this machine have expired", "Log in again."),
    "UnrecognizedClientException": (SecretDenied, "AWS does not know the credentials of this machine", _KEYS),
    "InvalidClientTokenId": (SecretDenied, "AWS does not know the credentials of this machine", _KEYS),
    "InvalidSignatureException": (
        SecretDenied,
        "the secret access key of this machine is wrong, or its clock is",
        _KEYS,
    ),
    "IncompleteSignature": (SecretDenied, "the credentials of this machine are not whole", _KEYS),
    "ThrottlingException": (SecretUnreachable, "Secrets Manager asks for fewer requests", _LATER),
}


@dataclass(frozen=True, slots=True)
class Named:
    """A parsed reference."""

    name: str
    region: str | None
    key: str | None


def parsed(name: str) -> Named:
    """What stands after `aws:`. Raises InvalidReference, which does not repeat it."""
    match = _REFERENCE.fullmatch(name)
    if match is None:
        raise InvalidReference(f"'aws:...' is no reference to a secret of AWS Secrets Manager. Write {FORM}.")
    key, home, region = match["key"], match["home"], match["region"]
    if key is not None and "?region=" in key:
        raise InvalidReference(
            "In a reference to a secret of AWS the region stands before the key: aws:NAME?region=R#KEY."
        )
    if home is not None and region is not None and home != region:
        raise InvalidReference("The ARN in this reference to a secret of AWS names another region than ?region= does.")
    return Named(match["name"], region or home, key)


def value_of(name: str) -> str:
    """The text under `aws:` and this name. Raises InvalidReference and SecretError."""
    named, reference = parsed(name), f"aws:{name}"
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError as error:
        raise not_installed(reference, error, extra="aws") from None
    limits = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    where = named.region or "this machine's region"
    try:
        session = boto3.session.Session(region_name=named.region)
        where = session.region_name or where
        client = session.client("secretsmanager", config=limits)
        answer = client.get_secret_value(SecretId=named.name)
    except ClientError as error:
        raise _failed(reference, named.name, where, _of_code(error)) from None
    except (BotoCoreError, ValueError) as error:
        raise _failed(reference, named.name, where, _of_library(error)) from None
    text = answer.get("SecretString")
    if text is None:
        raise SecretUnreadable(
            reference,
            f"The secret {reference} is binary, and secrets are texts here.",
            "Keep it as text (--secret-string), in base64 if it must be.",
        )
    return part_of(str(text), named.key, reference=reference)


def _failed(reference: str, name: str, where: str, failure: Failure) -> SecretError:
    kind, found, mend = failure
    return kind(
        reference, f"The secret {reference} cannot be read: {found.format(where=where)}.", mend.format(name=name)
    )


def _of_code(error: Any) -> Failure:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _CODES:
        return _CODES[code]
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status in (401, 403):  # of what stands between: a proxy, an endpoint's policy, another server of this protocol
        return _NOT_ALLOWED
    said = f"AWS answered {status} {code}".replace("{", "").replace("}", "")
    return (SecretUnreachable, said, _LATER) if status >= 500 else (SecretDenied, said, _LOGIN)


def _of_library(error: Exception) -> Failure:
    from botocore import exceptions as boto

    if isinstance(error, boto.NoCredentialsError):
        return (
            SecretDenied,
            "this machine has no credentials for AWS",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the machine a role.",
        )
    if isinstance(error, boto.NoRegionError | boto.InvalidRegionError):
        return SecretUnreadable, "no region is known", "Write ?region=eu-central-1 after the name, or set AWS_REGION."
    if isinstance(error, boto.ProfileNotFound):
        return SecretDenied, "this machine has not the profile that AWS_PROFILE names", "aws configure --profile NAME"
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        cause = str(getattr(error, "kwargs", {}).get("error", ""))
        if "resolve" in cause or "Name or service" in cause:
            return SecretUnreachable, "the name of AWS's server in {where} cannot be resolved (DNS)", _ADDRESS
        if isinstance(error, boto.SSLError):
            return SecretUnreachable, "the certificate of AWS's server is not trusted here", "Look at AWS_CA_BUNDLE."
        return SecretUnreachable, "Secrets Manager in {where} does not answer", _ADDRESS
    if isinstance(error, boto.BotoCoreError):
        return SecretDenied, f"the credentials of this machine could not be had ({type(error).__name__})", _LOGIN
    return (
        SecretUnreadable,
        "boto3's configuration on this machine is wrong",
        "Look at AWS_ENDPOINT_URL and ~/.aws/config.",
    )
