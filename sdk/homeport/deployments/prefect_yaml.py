"""The YAML of Prefect 2.4 in our keys: what means the same is taken over, and of the rest is said what becomes of it.

A key of Prefect's may stand in any deployment file. What cannot be carried over is a problem with its mend where
leaving it out would change what runs; where it would not, it is a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from homeport.deployments import literal_secrets
from homeport.deployments.problems import Note, Problem
from homeport.deployments.yaml_documents import Document, Where

KEYS = frozenset(
    {
        "work_queue_name",
        "flow_name",
        "manifest_path",
        "parameter_openapi_schema",
        "infra_overrides",
        "is_schedule_active",
    }
)
_MOVED = {
    "work_queue_name": "queue",
    "flow_name": "flow",
    "infra_overrides": "overrides",
    "is_schedule_active": "schedule_active",
}
_OF_BLOCKS = frozenset(
    {"_block_document_id", "_block_document_name", "_is_anonymous", "block_type_slug", "_block_type_slug"}
)
_KINDS = {
    "smb": "smb",
    "s3": "s3",
    "azure": "azure",
    "gcs": "gcs",
    "github": "github",
    "local-file-system": "folder",
}
_STORAGE_FIELDS: Mapping[str, Mapping[str, str]] = {
    "smb": {"smb_host": "host", "smb_port": "port", "smb_username": "username", "smb_password": "password"},
    "s3": {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "endpoint_url": "endpoint_url",
    },
    "azure": {
        "azure_storage_connection_string": "connection_string",
        "azure_storage_account_name": "account_name",
        "azure_storage_account_key": "account_key",
    },
    "gcs": {"service_account_info": "service_account_info", "project": "project"},
    "github": {"repository": "repo", "reference": "ref", "access_token": "access_token"},
    "folder": {"basepath": "path"},
}
# Blocks take a reference for these, whatever the file has.
_SECRET = frozenset(
    {
        "password",
        "access_key_id",
        "secret_access_key",
        "connection_string",
        "account_key",
        "service_account_info",
        "access_token",
    }
)
# What Prefect itself writes into every job, and nobody chose.
_PLAIN_JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"labels": {}},
    "spec": {
        "template": {
            "spec": {
                "parallelism": 1,
                "completions": 1,
                "restartPolicy": "Never",
                "containers": [{"name": "prefect-job", "env": []}],
            }
        }
    },
}
# The addresses of a remote-file-system -> the type whose storage it is.
_SCHEMES = {
    "s3": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "smb": "smb",
    "file": "local-file-system",
    "local": "local-file-system",
}
_NOTHING: tuple[Any, ...] = (None, [], {}, "", False)


def is_prefect(value: Any) -> bool:
    """Whether a deployment is written in Prefect's keys."""
    if not isinstance(value, dict):
        return False
    infrastructure = value.get("infrastructure")
    return (
        bool(KEYS & value.keys())
        or isinstance(value.get("storage"), dict)
        or (isinstance(infrastructure, dict) and bool(_OF_BLOCKS & infrastructure.keys()))
    )


def converted(
    document: Document, within: Where, value: dict[str, Any], file: Path
) -> tuple[dict[str, Any], list[Note], list[Problem]]:
    """The deployment in our keys, what a person should know of it, and what has to be mended first.

    A value in our keys comes back as it is. The lines of `document` follow the keys that are renamed.
    """
    if not is_prefect(value):
        return value, [], []
    return _Conversion(document, within, value, file).made()


class _Conversion:
    def __init__(self, document: Document, within: Where, value: dict[str, Any], file: Path) -> None:
        self._document, self._within, self._file = document, within, file
        self._value = dict(value)
        self._job: dict[str, Any] = {}
        self._notes: list[Note] = []
        self._problems: list[Problem] = []

    def made(self) -> tuple[dict[str, Any], list[Note], list[Problem]]:
        """As `converted`."""
        # Computed from the flow anyway; in the 2.4 file they are below "do not edit".
        for key in ("manifest_path", "parameter_openapi_schema"):
            self._value.pop(key, None)
        for old, new in _MOVED.items():
            if old in self._value:
                self._move(old, new)
        # Nothing is how Prefect writes "not said".
        for key in [key for key, value in self._value.items() if value in (None, {}, []) and key != "schedule"]:
            del self._value[key]
        if self._value.get("schedule", 0) is None:
            del self._value["schedule"]
            self._value["schedule"] = None
        if isinstance(self._value.get("schedule"), dict):
            self._value["schedule"] = {k: v for k, v in self._value["schedule"].items() if v is not None}
        if isinstance(self._value.get("storage"), dict):
            self._storage(self._value["storage"])
        self._path()
        if isinstance(self._value.get("infrastructure"), dict):
            self._infrastructure(dict(self._value["infrastructure"]))
        self._overrides()
        if self._value.get("version") is not None and len(str(self._value["version"])) == 32:
            del self._value["version"]  # the hash of the file, which Prefect writes where nobody says a version
        return self._value, self._notes, self._problems

    def _move(self, old: str, new: str) -> None:
        if new in self._value:
            self._refuse((old,), f"{old!r} is Prefect's name of {new!r}, which is here too", "Keep one of them.")
            del self._value[old]
            return
        self._value = {new if key == old else key: part for key, part in self._value.items()}
        self._document.renamed((*self._within, old), (*self._within, new))

    def _storage(self, storage: dict[str, Any]) -> None:
        slug = str(storage.get("block_type_slug") or storage.get("_block_type_slug") or "")
        if slug == "remote-file-system":
            addressed, storage = _addressed(storage)
            kind = _KINDS.get(addressed)
        else:
            kind = _KINDS.get(slug)
        if kind is None:
            of_no_kind = (
                "has an address of no kind that is here" if slug == "remote-file-system" else "has no equivalent"
            )
            self._refuse(
                ("storage",),
                f"a storage of Prefect's type {slug or 'unknown'!r} {of_no_kind}",
                "Keep the code in one of: homeport block type ls; then write storage: TYPE/NAME",
            )
            del self._value["storage"]
            return
        name = storage.get("_block_document_name")
        command = self._block_command(kind, str(name or "NAME"), storage)
        if not name:
            self._refuse(
                ("storage",),
                "the fields of a storage block stand in the file itself; here, a block of its own holds them",
                f"Make one: {command}    then write: storage: {kind}/NAME",
            )
            del self._value["storage"]
            return
        self._value["storage"] = f"{kind}/{name}"
        self._note(
            ("storage",),
            f"the block {slug}/{name} of Prefect is read as the block {kind}/{name} here. "
            f"If there is none yet: {command}",
        )

    def _block_command(self, kind: str, name: str, storage: dict[str, Any]) -> str:
        """The command that makes the block, with the fields that the file tells and no secret."""
        parts = [f"homeport block create {kind}/{name}"]
        fields = dict(_located(kind, storage))
        for old, new in _STORAGE_FIELDS[kind].items():
            value = storage.get(old)
            if value is None:
                continue
            if new in _SECRET or literal_secrets.is_mask(value) or literal_secrets.is_secret_name(old):
                variable = old.upper() if old.startswith(("aws_", "azure_", "smb_")) else f"{kind}_{new}".upper()
                plain = new == "username"
                parts.append(f"--field {new}=..." if plain else f"--secret {new}=env:{variable}")
            else:
                # Of a host's repository, the owner and the name are enough.
                fields[new] = (
                    str(value).removeprefix("https://github.com/").removesuffix(".git") if new == "repo" else value
                )
        return " ".join([parts[0], *(f"--field {key}={value}" for key, value in fields.items()), *parts[1:]])

    def _path(self) -> None:
        path = self._value.get("path")
        if not isinstance(path, str) or "storage" in self._value:
            if not path:
                self._value.pop("path", None)
            return
        # Without a storage it is the folder of the code on the machine that built it, or in the image.
        del self._value["path"]
        here = self._file.absolute().parent
        code = str(self._value.get("entrypoint", "")).partition(":")[0]
        if (here / code).is_file():
            if here != Path(path):
                self._note(("path",), f"the code is taken from {here}, beside this file, rather than from {path}")
        elif (Path(path) / code).is_file():
            self._value["root"] = path
        else:
            self._refuse(
                ("path",),
                f"{code or 'the code'} is neither beside this file nor in {path}",
                "Put the file beside this one, or say where it is: root: FOLDER",
            )

    def _infrastructure(self, given: dict[str, Any]) -> None:
        name, kind = given.get("_block_document_name"), str(given.get("type") or "")
        made: dict[str, Any] = {"type": kind} if kind else {}
        for key, value in given.items():
            if key in _OF_BLOCKS or key == "type" or value in _NOTHING:
                continue
            handler = _FIELDS.get((kind, key)) or _FIELDS.get(("", key))
            made |= handler(self, key, value) if handler is not None else {key: value}
        if "env" in made and isinstance(made["env"], dict):
            made["env"] = {key: str(value) for key, value in made["env"].items() if value is not None}
        if name:
            self._note(
                ("infrastructure",),
                f"what Prefect's block {kind}/{name} says is taken from this file; "
                f"to share it, make a block of it: homeport block create {kind}/{name}",
            )
        self._value["infrastructure"] = made

    def _overrides(self) -> None:
        overrides = self._value.get("overrides")
        if not isinstance(overrides, dict):
            return
        # Prefect takes "env.LEVEL": "debug" as well as nested ones.
        nested: dict[str, Any] = {}
        for key, value in overrides.items():
            here = nested
            *folders, last = key.split(".") if key.startswith("env.") else [key]
            for folder in folders:
                here = here.setdefault(folder, {})
            here[last] = value
        self._value["overrides"] = nested

    def _refuse(self, where: Where, message: str, mend: str) -> None:
        self._problems.append(Problem(self._document.at((*self._within, *where), key=True), message, mend))

    def _note(self, where: Where, message: str) -> None:
        self._notes.append(Note(self._document.at((*self._within, *where), key=True), message))

    def _dropped(self, key: str, value: Any) -> dict[str, Any]:
        return {}

    def _cannot(self, key: str, value: Any) -> dict[str, Any]:
        self._refuse(
            ("infrastructure", key), f"the field {key!r} of Prefect's infrastructure has no equivalent", _MENDS[key]
        )
        return {}

    def _image(self, key: str, value: Any) -> dict[str, Any]:
        if str(value).startswith("prefecthq/prefect"):
            self._note(
                ("infrastructure", key),
                f"the image {value} has Prefect in it and not Homeport: it is left out. Name one that has, as `image`",
            )
            return {}
        return {"image": value}

    def _networks(self, key: str, value: Any) -> dict[str, Any]:
        if isinstance(value, list) and len(value) == 1:
            return {"network_mode": value[0]}
        return self._cannot(key, value)

    def _namespace(self, key: str, value: Any) -> dict[str, Any]:
        return {} if value == "default" else self._in_job({"metadata": {"namespace": value}})

    def _kept_for(self, key: str, value: Any) -> dict[str, Any]:
        return self._in_job({"spec": {"ttlSecondsAfterFinished": value}})

    def _job_of_prefect(self, key: str, value: Any) -> dict[str, Any]:
        return {} if value == _PLAIN_JOB else self._in_job(value)

    def _in_job(self, part: dict[str, Any]) -> dict[str, Any]:
        """What Prefect has fields for stands in the manifest here."""
        self._job = merged(merged({"apiVersion": "batch/v1", "kind": "Job"}, self._job), part)
        return {"job": self._job}


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The first with what the second says on top, mapping by mapping."""
    out = dict(under)
    for name, value in over.items():
        below = out.get(name)
        out[name] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return out


def _addressed(storage: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The slug that the address of a remote-file-system stands for ("" for none), and its fields as of that type."""
    scheme, _, path = str(storage.get("basepath") or "").partition("://")
    slug = _SCHEMES.get(scheme.lower(), "")
    # What is given to fsspec: s3fs, adlfs, gcsfs.
    given = storage.get("settings")
    settings: Mapping[str, Any] = given if isinstance(given, dict) else {}
    client = settings.get("client_kwargs")
    fields: dict[str, Any] = {key: storage[key] for key in _OF_BLOCKS if key in storage}
    if slug == "local-file-system":
        return slug, {**fields, "basepath": path}
    if slug == "s3":
        fields |= {
            "aws_access_key_id": settings.get("key"),
            "aws_secret_access_key": settings.get("secret"),
            "endpoint_url": settings.get("endpoint_url")
            or (client.get("endpoint_url") if isinstance(client, dict) else None),
        }
    elif slug == "azure":
        fields |= {
            "azure_storage_connection_string": settings.get("connection_string"),
            "azure_storage_account_name": settings.get("account_name"),
            "azure_storage_account_key": settings.get("account_key"),
        }
    elif slug == "smb":
        at = urlsplit(str(storage["basepath"]))
        path = at.path
        fields |= {
            "smb_host": at.hostname or settings.get("host"),
            "smb_username": at.username or settings.get("username"),
            "smb_password": at.password or settings.get("password"),
        }
    return slug, {**fields, ("share_path" if slug == "smb" else "bucket_path"): path}


def _located(kind: str, storage: Mapping[str, Any]) -> dict[str, Any]:
    """Where within the storage: Prefect's one path is a bucket or share and a folder in it."""
    whole = str(storage.get("bucket_path") or storage.get("share_path") or "").strip("/")
    if not whole:
        return {}
    first, _, rest = whole.partition("/")
    names = {"smb": ("share", "path"), "azure": ("container", "prefix")}.get(kind, ("bucket", "prefix"))
    return {names[0]: first} | ({names[1]: rest} if rest else {})


_MENDS = {
    "command": "The run is started by the agent's own command; remove the line.",
    "labels": "Labels that agents must have stand at the top, as `labels:`; those of a job stand in the job.",
    "networks": "A run joins one network: network_mode: NAME",
    "image_registry": "Log the agent's machine in to the registry (docker login), and remove the line.",
    "cluster_config": "The agent uses its own cluster; remove the line.",
    "customizations": "Write the changes into `job`, and remove the line.",
}
_Handler = Callable[[_Conversion, str, Any], dict[str, Any]]
_FIELDS: Mapping[tuple[str, str], _Handler] = {
    ("", "name"): _Conversion._dropped,
    ("", "stream_output"): _Conversion._dropped,
    ("", "command"): _Conversion._cannot,
    ("", "labels"): _Conversion._cannot,
    ("", "image"): _Conversion._image,
    ("docker-container", "networks"): _Conversion._networks,
    ("docker-container", "image_registry"): _Conversion._cannot,
    ("docker-container", "image_pull_policy"): _Conversion._dropped,
    ("kubernetes-job", "namespace"): _Conversion._namespace,
    ("kubernetes-job", "job"): _Conversion._job_of_prefect,
    ("kubernetes-job", "cluster_config"): _Conversion._cannot,
    ("kubernetes-job", "customizations"): _Conversion._cannot,
    ("kubernetes-job", "finished_job_ttl"): _Conversion._kept_for,
    ("kubernetes-job", "job_watch_timeout_seconds"): _Conversion._dropped,
    ("kubernetes-job", "pod_watch_timeout_seconds"): _Conversion._dropped,
}
