"""What the arguments of 1.4.1 and 2.x become here; what cannot carry over is refused by name, with the mend."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

CLIENT_OPTIONS = {
    "endpoint_url": "endpoint_url",
    "region_name": "region",
    "verify": "verify",
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}
"""Of `S3(client_options=...)`, which 1.x gave to boto3."""
UPLOAD_OPTIONS = {"ServerSideEncryption": "sse", "SSEKMSKeyId": "kms_key_id"}
"""Of `S3(upload_options=...)`."""
SECRETS = frozenset(
    (
        *("access_key_id", "secret_access_key", "session_token"),
        *("aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
        *("connection_string", "account_key", "sas_token", "service_account_info"),
        *("azure_storage_connection_string", "azure_storage_account_key"),
        *("password", "smb_password", "access_token", "ssh_key", "url_secret", "username_secret", "app_password"),
    )
)
"""Fields that hold the name of a secret."""
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
INSTEAD = {
    "use_ssl": "begin endpoint_url with http:// or https://",
    "config": "give connect_timeout=, read_timeout=, max_attempts= or addressing_style= to the storage",
    "api_version": "leave it out",
}


def translated(options: Mapping[str, Any] | None, names: Mapping[str, str], *, of: str) -> dict[str, Any]:
    """The options under our names; raises TypeError for one that means nothing here, ValueError for a secret itself."""
    unknown = sorted(set(options or ()) - set(names))
    if unknown:
        mend = INSTEAD.get(unknown[0], f"it takes {', '.join(sorted(names))}")
        raise TypeError(f"{of}: {unknown[0]!r} means nothing here: {mend}.")
    refuse_literals(options or {}, of=of)
    return {names[name]: value for name, value in (options or {}).items()}


def refuse_literals(fields: Mapping[str, Any], *, of: str) -> None:
    """Raises ValueError, which does not repeat it, for a secret itself where its name belongs."""
    from homeport.secrets.references import FORMS, is_reference

    for name in sorted(SECRETS & fields.keys()):
        text = fields[name]
        if text is not None and not (isinstance(text, str) and is_reference(text)):
            raise ValueError(
                f"{of}: {name} is the secret itself, which would go to the control plane. Give its name instead: "
                f"{FORMS}, and keep it there where flows are registered and run."
            )


def by_name(name: str | None, *, of: str) -> str | None:
    """The reference for the name of a 1.x secret: it is looked up as `Secret(name)` is. ValueError if it is none."""
    if name is None:
        return None
    from homeport.deployments.literal_secrets import has_secret_form
    from homeport.secrets import is_reference

    if is_reference(name):
        return name
    if not _NAME.fullmatch(name) or has_secret_form(name):
        raise ValueError(
            f"{of}: where the name of a secret belongs, a text was given that is none; if it is the secret itself, it "
            f"would go to the control plane. A name has letters, digits, '_', '-' and '.' only."
        )
    return f"secret:{name}"


def one(**given: Any) -> Any:
    """The one that was given of several names for the same; ValueError when two say different things."""
    values = {name: value for name, value in given.items() if value is not None}
    if len(set(map(repr, values.values()))) > 1:
        raise ValueError(f"{' and '.join(values)} are names of the same; give one of them.")
    return next(iter(values.values()), None)


def refuse_unknown(given: Iterable[str], known: Iterable[str], *, of: str) -> None:
    """Raises TypeError for the first that is not known, with the nearest that is."""
    names = sorted(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            mend = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(names)}"
            raise TypeError(f"{of}: there is no argument {name!r}; {mend}")


def refuse_older(fields: Mapping[str, Any], *, of: str, secrets: str = "") -> None:
    """What every storage of 1.x took besides."""
    mends = {
        "secrets": f"name what the storage needs: {secrets}" if secrets else "leave it out: this storage needs none",
        "labels": "give labels to the run config, or to: homeport register -l LABEL",
        "add_default_labels": "leave it out: no label is added to a flow that was not given",
        "result": "give it to the flow: Flow(..., result=...)",
    }
    for name, mend in mends.items():
        if name in fields:
            raise TypeError(f"{of}: {name!r} means nothing here: {mend}.")
