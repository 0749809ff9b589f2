"""The environment of the code: the image below it, as a Dockerfile and the files that its steps read.

Dependencies come first and the code last, so a changed flow rebuilds nothing. The key names everything that the
environment is made of; while it stays, so does the image. The steps see what they read and nothing else: the user's
`files`, and the code only where the user's own Dockerfile copies from it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import homeport
from homeport.code.errors import PackingError
from homeport.code.tree import CodeTree

if TYPE_CHECKING:
    from homeport_storage.docker_fields import DockerFields

BESIDE = ".homeport-build"
DOCKERFILE = f"{BESIDE}/Dockerfile"
MARK = "environment.json"
FORMAT = 1
FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE | re.MULTILINE)
CONTINUED = re.compile(r"\\[ \t]*\n")
READS_CONTEXT = re.compile(r"^\s*(?:COPY|ADD)\s+(?!.*--from=)", re.IGNORECASE | re.MULTILINE)
NEEDS_BUILDKIT = re.compile(
    r"^[ \t]*(?:RUN[ \t]+(?:--\S+[ \t]+)*--(?:mount|network|security)\b"
    r"|(?:COPY|ADD)[ \t]+(?:--\S+[ \t]+)*--(?:link|chmod|checksum|exclude|parents|keep-git-dir)\b"
    r"|(?:RUN|COPY|ADD)[ \t].*(?<!<)<<-?[\"']?[A-Za-z_]).*",
    re.IGNORECASE | re.MULTILINE,
)
UNLESS_THERE = (
    "import importlib.util as u, subprocess, sys; "
    "sys.exit(0 if u.find_spec('homeport') else subprocess.call([sys.executable, '-m', 'pip', 'install', {what!r}]))"
)
Ignored = Callable[[str], bool]
BaseIdentity = Callable[[str], str]
"""(name of a base image) -> what tells one state of it from the next: its digest."""


@dataclass(frozen=True)
class Environment:
    """The steps of the build, the files they read (place in the context -> file here), and the key of it all."""

    dockerfile: str
    sources: Mapping[str, Path]
    key: str
    bases: tuple[str, ...]
    code: CodeTree | None

    def context(self) -> IO[bytes]:
        """The build's context: a tar of what the steps read, and not a file more. Whoever takes it closes it."""
        stream = TemporaryFile()  # noqa: SIM115 - the caller closes it
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, DOCKERFILE, self.dockerfile.encode())
            _add(tar, f"{BESIDE}/{MARK}", self._mark())
            for place, file in sorted(self.sources.items()):
                _add(tar, place, file.read_bytes(), executable=bool(file.stat().st_mode & 0o100))
            for entry in self.code.manifest.files if self.code else ():
                content = b"".join(self.code.chunks(entry) if self.code else ())
                _add(tar, entry.path, content, executable=entry.mode == "755")
        stream.seek(0)
        return stream

    def _mark(self) -> bytes:
        return json.dumps({"environment": self.key, "homeport": homeport.__version__}).encode() + b"\n"


def environment(wanted: DockerFields, tree: CodeTree, identity: BaseIdentity) -> Environment:
    """What is to be built for these wishes; raises PackingError for a missing file, or a step that needs BuildKit."""
    own = _own_dockerfile(wanted)
    first = own or f"FROM {wanted.base_image or default_base()}\n"
    sources: dict[str, Path] = {}
    steps = [first.rstrip("\n"), *_steps(wanted, sources)]
    text = "\n".join(steps) + "\n"
    _refuse_buildkit(text)
    bases = tuple(_bases(text))
    code = tree if own and READS_CONTEXT.search(CONTINUED.sub(" ", own)) else None
    made_of = {
        "format": FORMAT,
        "dockerfile": text,
        "bases": {base: identity(base) for base in bases},
        "sources": {place: _hash(file) for place, file in sources.items()},
        "code": code.digest if code else None,
        "arguments": {name: value for name, value in wanted.build_kwargs.items() if name != "nocache"},
    }
    try:
        canonical = json.dumps(made_of, sort_keys=True).encode()
    except TypeError as error:
        raise PackingError(f"build_kwargs of the Docker storage must be plain JSON values: {error}") from None
    return Environment(text, sources, hashlib.sha256(canonical).hexdigest()[:16], bases, code)


def default_base() -> str:
    """The official image of the Python that registers."""
    return f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


def _own_dockerfile(wanted: DockerFields) -> str | None:
    if wanted.dockerfile is None:
        return None
    if wanted.base_image is not None:
        raise PackingError(
            "the Docker storage has base_image and dockerfile; a Dockerfile names its own base: give one"
        )
    file = Path(wanted.dockerfile).expanduser()
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackingError(f"the Dockerfile {file.absolute()} cannot be read: {error}") from error


def _steps(wanted: DockerFields, sources: dict[str, Path]) -> Iterator[str]:
    for name, value in wanted.env_vars.items():
        yield f"ENV {name}={_quoted(value)}"
    if wanted.homeport_wheel:
        wheel = Path(wanted.homeport_wheel).expanduser()
        sources[f"{BESIDE}/{wheel.name}"] = _readable(wheel, "homeport_wheel")
        yield f"COPY {json.dumps([f'{BESIDE}/{wheel.name}', f'/tmp/{wheel.name}'])}"  # noqa: S108 - in the image
        yield _run("python", "-m", "pip", "install", f"/tmp/{wheel.name}")  # noqa: S108
    elif wanted.homeport_version:
        yield _run("python", "-m", "pip", "install", f"homeport=={wanted.homeport_version}")
    else:
        yield _run("python", "-c", UNLESS_THERE.format(what=f"homeport=={homeport.__version__}"))
    if wanted.python_dependencies:
        yield _run("python", "-m", "pip", "install", *wanted.python_dependencies)
    ignored = _ignored_by(wanted.dockerignore)
    for index, (local, inside) in enumerate(wanted.files.items()):
        place = f"{BESIDE}/files/{index}"
        yield f"COPY {json.dumps([_added(Path(local).expanduser(), place, sources, ignored), inside])}"
    for name, value in wanted.labels.items():
        yield f"LABEL {_quoted(name)}={_quoted(value)}"
    yield from wanted.extra_dockerfile_commands
    # Besides saying what it is, this makes the folder, which a layer of its own must not do: it would set its rights.
    yield f"COPY {json.dumps([f'{BESIDE}/{MARK}', f'{PurePosixPath(wanted.directory)}/{MARK}'])}"


def _added(local: Path, place: str, sources: dict[str, Path], ignored: Ignored) -> str:
    if not local.is_dir():
        sources[f"{place}/{local.name}"] = _readable(local, "files")
        return f"{place}/{local.name}"
    before = len(sources)
    for file in sorted(local.rglob("*")):
        inside = file.relative_to(local).as_posix()
        if file.is_file() and not ignored(f"{local.name}/{inside}"):
            sources[f"{place}/{inside}"] = file
    if len(sources) == before:
        raise PackingError(f"{local.absolute()}, which files of the Docker storage names, has no file to copy")
    return f"{place}/"


def _ignored_by(dockerignore: str | None) -> Ignored:
    """What the patterns of a .dockerignore leave out of folders in `files`; their top is what holds the folder."""
    if dockerignore is None:
        return lambda path: False
    from pathspec import PathSpec

    file = Path(dockerignore).expanduser()
    try:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
        # Docker's patterns begin at the top; git's only with a slash.
        rooted = [re.sub(r"^(!?)/?", r"\1/", line) for line in lines if line and not line.startswith("#")]
        return PathSpec.from_lines("gitignore", rooted).match_file
    except (OSError, ValueError) as error:  # a UnicodeDecodeError is a ValueError
        raise PackingError(f"the file {file.absolute()}, which dockerignore names, cannot be read: {error}") from error


def _bases(dockerfile: str) -> Iterator[str]:
    stages: set[str] = set()
    for image, stage in FROM.findall(CONTINUED.sub(" ", dockerfile)):
        if image.lower() not in stages and image != "scratch" and "$" not in image:
            yield image
        if stage:
            stages.add(stage.lower())


def _refuse_buildkit(dockerfile: str) -> None:
    """Before anything is pulled or built: some of these the classic builder would misread rather than refuse."""
    found = NEEDS_BUILDKIT.search(CONTINUED.sub(" ", dockerfile))
    if found is not None:
        raise PackingError(
            f"the step `{found[0].strip()[:100]}` needs BuildKit, and the Docker storage builds by the engine's "
            "classic builder. Build that Dockerfile yourself (docker build -t NAME .), and give base_image='NAME' with "
            "local_image=True; dependencies, files and the code are put on top of it"
        )


def _run(*words: str) -> str:
    """A step without a shell: no quoting to get wrong, and base images without one work."""
    return f"RUN {json.dumps([*words])}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def _readable(file: Path, option: str) -> Path:
    if not file.is_file():
        raise PackingError(f"{file.absolute()}, which {option} of the Docker storage names, is not there")
    return file


def _hash(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return f"{hashlib.file_digest(stream, 'sha256').hexdigest()} {bool(file.stat().st_mode & 0o100)}"
    except OSError as error:
        raise PackingError(f"{file} cannot be read ({error.strerror})") from error


def _add(tar: tarfile.TarFile, name: str, content: bytes, *, executable: bool = False) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), 0o755 if executable else 0o644, 0
    tar.addfile(info, io.BytesIO(content))
