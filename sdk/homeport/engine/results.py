"""The 1.x results: where a task's value is written, as a plain file that other programs read, too.

    @task(result=LocalResult(dir="/data"), target="{task_name}-{today}.pkl")

An object may also be used by hand: `LocalResult(dir="/data").read("x.pkl").value`.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from homeport.results import documents, keys, limits
from homeport.results.errors import ResultOptionError
from homeport.results.storages import ResultStorage, opened
from homeport.serializers import Serializer, serializer_of
from homeport.storage import GCS, S3, Azure, Storage


class Result:
    """The base: a value, a location (a template or a function), a serializer, and the storage of the subclass.

    Raises ResultOptionError for a location that is neither a text nor a function.
    """

    def __init__(
        self,
        value: Any = None,
        location: str | Callable[..., str] | None = None,
        serializer: str | Serializer | None = None,
    ) -> None:
        if location is not None and not isinstance(location, str) and not callable(location):
            raise ResultOptionError(f"{type(self).__name__}: location is a text or a function; it is {location!r}.")
        self.value = value
        self.location: Any = location
        self.serializer = serializer_of("pickle" if serializer is None else serializer)

    def storage_description(self) -> object:
        """What names the storage: a path, or an object of homeport.storage; ResultOptionError for none."""
        raise ResultOptionError(
            f"{type(self).__name__} has no storage. Use LocalResult(dir=...), or subclass it and write "
            f"storage_description()."
        )

    def storage(self) -> ResultStorage:
        """The opened storage; raises ResultStorageUnsupported for a kind that cannot keep results here."""
        return opened(self.storage_description(), of=type(self).__name__)

    @property
    def default_location(self) -> str:
        """A location that nothing else has."""
        return f"{uuid.uuid4().hex}.homeport_result"

    def read(self, location: str) -> Self:
        """A copy with the value that is kept there; raises ResultMissing and the like."""
        made = self.copy()
        made.location = location
        made.value = documents.read(*self.place(location), of=type(self).__name__, serializer=self.serializer)
        return made

    def write(self, value_: Any, **kwargs: Any) -> Self:
        """Keep the value; a copy with it, whose location is formatted with the keyword arguments."""
        made = self.format(**kwargs) if self.location is not None else self.copy()
        made.location = made.location or self.default_location
        made.value = value_
        documents.write(
            *self.place(made.location), value_, self.serializer,
            of=type(self).__name__, limit=limits.of_process().max_bytes, now=datetime.now(UTC), plain=True,
        )  # fmt: skip
        return made

    def exists(self, location: str, **kwargs: Any) -> bool:
        """Whether something is kept there."""
        if kwargs:
            location = keys.text(location, kwargs, of=type(self).__name__, what="location")
        storage, key = self.place(location)
        return storage.blobs.size(key) is not None

    def format(self, **kwargs: Any) -> Self:
        """A copy whose location has the values in it."""
        made = self.copy()
        if self.location is not None:
            made.location = keys.text(self.location, kwargs, of=type(self).__name__, what="location")
        return made

    def from_value(self, value: Any) -> Self:
        """A copy with this value."""
        made = self.copy()
        made.value = value
        return made

    def copy(self) -> Self:
        """A copy."""
        return copy.copy(self)

    def place(self, location: str) -> tuple[ResultStorage, str]:
        """The storage and the key in it that a location means."""
        return self.storage(), keys.checked(location, of=type(self).__name__, what="location")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.location!r}>"


class LocalResult(Result):
    """Files in a folder; in HOMEPORT_RESULTS if none is given.

    Raises ResultOptionError if the folder around it is not there, unless `validate_dir` is False.
    """

    def __init__(self, dir: str | Path | None = None, validate_dir: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dir = str(limits.of_process().folder if dir is None else Path(dir).expanduser().absolute())
        if validate_dir and dir is not None and not Path(self.dir).parent.exists():
            raise ResultOptionError(
                f"LocalResult(dir={str(dir)!r}): there is no folder {Path(self.dir).parent}. Make it, or "
                f"give validate_dir=False where it only exists on the machine that runs the flow."
            )

    def storage_description(self) -> object:
        """The folder."""
        is_default = self.dir == str(limits.of_process().folder)  # which is made for this user alone
        return None if is_default else Path(self.dir)

    def place(self, location: str) -> tuple[ResultStorage, str]:
        """An absolute path is that path, whatever the folder, as in 1.x."""
        path = Path(location).expanduser()
        if not path.is_absolute():
            return super().place(location)
        return opened(path.parent, of=type(self).__name__), keys.checked(path.name, of="LocalResult", what="location")


class _InBucket(Result):
    def __init__(self, storage: Storage, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._storage = storage

    def storage_description(self) -> object:
        """The bucket or container."""
        return self._storage


class S3Result(_InBucket):
    """Objects in a bucket of Amazon S3."""

    def __init__(self, bucket: str, boto3_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(S3(bucket, client_options=boto3_kwargs), **kwargs)
        self.bucket = bucket


class GCSResult(_InBucket):
    """Objects in a bucket of Google Cloud Storage."""

    def __init__(self, bucket: str | None = None, **kwargs: Any) -> None:
        super().__init__(GCS(bucket or ""), **kwargs)
        self.bucket = bucket


class AzureResult(_InBucket):
    """Blobs in a container of Azure; `connection_string_secret` is the name of a secret
    where the flow runs; without it the variable AZURE_STORAGE_CONNECTION_STRING holds it."""

    def __init__(self, container: str, connection_string_secret: str | None = None, **kwargs: Any) -> None:
        super().__init__(Azure(container, connection_string_secret), **kwargs)
        self.container = container


class ConstantResult(Result):
    """A value that is known beforehand, and kept nowhere."""

    def read(self, location: str) -> Self:
        """The value."""
        return self.copy()

    def write(self, value_: Any, **kwargs: Any) -> Self:
        """Refused, by ResultOptionError: it is constant."""
        raise ResultOptionError("ConstantResult cannot be written to. Use LocalResult(dir=...).")

    def exists(self, location: str, **kwargs: Any) -> bool:
        """True."""
        return True


class PrefectResult(Result):
    """Not available (ResultOptionError): it kept values at the control plane, which holds none here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ResultOptionError(
            "PrefectResult keeps values at the control plane, and Homeport's holds no results. Use "
            "LocalResult(dir=..., serializer=JSONSerializer()), or "
            "@task(persist_result=True, result_serializer='json')."
        )


HomeportResult = PrefectResult
"""The same under the new name; refused in the same words."""
