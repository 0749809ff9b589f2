"""Running git so that neither a repository nor an address can make it do anything but read.

The git program is used, not a library, because it is what the user's hosts are tested against: every protocol version,
ssh, proxies and certificates as elsewhere on that machine. What makes it risky is switched off, one by one:

- its environment is made here; only proxies, certificates and ssh's agent come from ours, and no configuration does
  (HOME stays for ssh's known_hosts);
- protocols are forbidden except https, http and ssh: no `ext::`, and no `file://` unless GIT_ALLOW_PROTOCOL names it;
- hooks, file system monitors, submodules and bundles of other hosts are off, and nothing is ever checked out: what
  would run filters is not run (git_tree.py);
- a token reaches git by a credential helper that reads our environment, and only for the site it belongs to. It is on
  no command line, in no address and in no file.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from homeport.code.errors import (
    CodeMissing,
    StorageDenied,
    StorageError,
    StorageRefused,
    StorageUnreachable,
    UnsafeCode,
)
from homeport_storage.git_url import GitUrl

KEPT_VARIABLES = (
    "PATH", "HOME", "TMPDIR", "SSH_AUTH_SOCK", "USER", "LOGNAME", "SYSTEMROOT",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
)  # fmt: skip
HELPER = (
    "!f() { test \"$1\" = get || exit 0; printf 'username=%s\\npassword=%s\\n' "
    '"$HOMEPORT_GIT_USERNAME" "$HOMEPORT_GIT_PASSWORD"; }; f'
)
WATCH_EVERY = 0.1
MOST_OUTPUT = 64 * 1024 * 1024


class NotThere(CodeMissing):
    """The repository answered, and does not have this ref or commit."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a repository is, and what logs in there."""

    url: GitUrl
    username: str = ""
    password: str | None = field(default=None, repr=False)
    ssh_key: str | None = field(default=None, repr=False)
    ssh_key_file: str | None = None
    known_hosts_file: str | None = None
    timeout: float = 300
    max_bytes: int = 1024 * 1024 * 1024

    @property
    def where(self) -> str:
        """The repository as a user knows it."""
        return f"the git repository {self.url}"


@contextmanager
def remote(access: Access) -> Iterator[Git]:
    """git with an empty repository in a folder of its own, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="homeport-git-"))
    try:
        git = Git(folder, access)
        git.run("init", "--quiet", "--bare", "--template=", doing="prepare")
        yield git
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Git:
    """git in one repository: an empty one in a folder of ours, or the checkout that a user registers from."""

    def __init__(self, folder: Path, access: Access | None = None) -> None:
        self.folder = folder
        self._access = access
        self._program = shutil.which("git")
        if self._program is None:
            raise StorageRefused("git is not on this machine; install it (apt-get install git), or use another storage")
        self._environment = _environment(folder, access)

    @property
    def where(self) -> str:
        """The repository as a user knows it."""
        return self._access.where if self._access is not None else f"the checkout {self.folder}"

    def run(self, *arguments: str, doing: str, stdin: bytes | None = None, within: float | None = None) -> bytes:
        """What git prints; raises the StorageError that its words amount to, also when it takes too long."""
        within = min(within or 3600, self._access.timeout if self._access else 60)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self._started(arguments, stdin=stdin, out=out, err=err)
            try:
                self._watched(process, doing, within)
            finally:
                _end(process)
            out.seek(0)
            err.seek(0)
            said = err.read(20_000).decode(errors="replace")
            if process.returncode != 0:
                raise explained(said, doing=doing, where=self.where, private=self._access)
            if out.seek(0, os.SEEK_END) > MOST_OUTPUT:
                raise StorageRefused(f"cannot {doing} {self.where}: git lists more than {MOST_OUTPUT // 1024**2} MiB")
            out.seek(0)
            return out.read()

    def size(self) -> int:
        """How many bytes the repository takes here."""
        return _size(self.folder)

    def objects(self) -> subprocess.Popen[bytes]:
        """A running `cat-file --batch`: it is asked for objects by name on stdin; the caller ends it."""
        assert self._program is not None
        return subprocess.Popen(
            [self._program, "cat-file", "--batch"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _started(
        self, arguments: Sequence[str], *, stdin: bytes | None, out: IO[bytes], err: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        assert self._program is not None
        process = subprocess.Popen(
            [self._program, *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=out,
            stderr=err,
            start_new_session=True,  # so that ssh and git-remote-https end with it
        )
        if stdin is not None:
            threading.Thread(target=_fed, args=(process, stdin), daemon=True).start()
        return process

    def _watched(self, process: subprocess.Popen[bytes], doing: str, within: float) -> None:
        """Wait for the end; raises when it takes too long or too much room."""
        deadline = time.monotonic() + within
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(WATCH_EVERY)
            if self._access is not None and _size(self.folder) > self._access.max_bytes:
                raise StorageRefused(
                    f"cannot {doing} {self.where}: it is larger than {self._access.max_bytes // 1024**2} MiB. Keep "
                    "large files elsewhere, or raise max_megabytes"
                )
            if process.returncode is not None:
                return
            if time.monotonic() > deadline:
                raise StorageUnreachable(
                    f"cannot {doing} {self.where}: it was not done within {within:g} s. Look whether this machine may "
                    "reach it"
                )


def _environment(folder: Path, access: Access | None) -> dict[str, str]:
    """All that git is told. Settings come by the environment, which stands above any file that a repository has."""
    config = {
        "protocol.allow": "never",
        "protocol.https.allow": "always",
        "protocol.http.allow": "always",
        "protocol.ssh.allow": "always",
        "core.hooksPath": os.devnull,
        "core.fsmonitor": "false",
        "core.askPass": "",
        "credential.helper": "",
        "http.followRedirects": "initial",
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": "30",
        "fetch.recurseSubmodules": "false",
        "submodule.recurse": "false",
        "transfer.bundleURI": "false",
        "gc.auto": "0",
        "maintenance.auto": "false",
    }
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    environment |= {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    if access is not None:
        if access.url.scheme == "file":
            config["protocol.file.allow"] = "always"
        environment["GIT_SSH_COMMAND"] = _ssh_command(folder, access)
        environment["GIT_SSH_VARIANT"] = "ssh"
        environment["GIT_CEILING_DIRECTORIES"] = str(folder.parent)
        if access.password is not None:
            config[f"credential.{access.url.site}.helper"] = HELPER
            environment["HOMEPORT_GIT_USERNAME"] = access.username
            environment["HOMEPORT_GIT_PASSWORD"] = _one_line(access.password)
        if access.known_hosts_file is None and "HOME" not in environment:
            environment["HOME"] = str(folder)
    environment["GIT_CONFIG_COUNT"] = str(len(config))
    for number, (name, value) in enumerate(config.items()):
        environment[f"GIT_CONFIG_KEY_{number}"], environment[f"GIT_CONFIG_VALUE_{number}"] = name, value
    return environment


def _ssh_command(folder: Path, access: Access) -> str:
    """ssh asks nobody anything, and knows the host or does not talk to it."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=15", "PermitLocalCommand=no"]
    options += ["ServerAliveInterval=15", "ForwardAgent=no", "ClearAllForwardings=yes"]
    command = ["ssh"]
    key_file = access.ssh_key_file
    if access.ssh_key is not None:
        file = folder / "homeport-ssh-key"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(access.ssh_key.rstrip("\n") + "\n")
        key_file = str(file)
    if key_file is not None:
        command += ["-i", str(Path(key_file).expanduser())]
        options.append("IdentitiesOnly=yes")
    if access.known_hosts_file is not None:
        known = str(Path(access.known_hosts_file).expanduser())
        options += [f'UserKnownHostsFile="{known}"', f"GlobalKnownHostsFile={os.devnull}"]
    for option in options:
        command += ["-o", option]
    return shlex.join(command)


def _one_line(secret: str) -> str:
    if any(ord(character) < 32 for character in secret):
        raise StorageDenied("the secret that holds the token has more than one line, or a control character in it")
    return secret


def explained(said: str, *, doing: str, where: str, private: Access | None = None) -> StorageError:
    """The error that git's words (in English) amount to; no word of a password."""
    text = said
    if private is not None and private.password:
        text = text.replace(private.password, "***")
    line = _telling(text)
    low = text.lower()
    message = f"cannot {doing} {where}: "
    if any(sign in low for sign in _UNKNOWN_HOST):
        return StorageDenied(
            f"{message}its host key is not in known_hosts. Look at it, and add it there (ssh-keyscan HOST shows it)"
        )
    if any(sign in low for sign in _NOT_LET_IN):
        return StorageDenied(f"{message}it does not let us in ({line}). Look at {_key_of(private)}")
    if any(sign in low for sign in _NO_REPOSITORY):
        return StorageRefused(
            f"{message}there is no such repository, or whom we log in as may not see it ({line}). Look at the address "
            f"and at {_key_of(private)}"
        )
    if any(sign in low for sign in _NOT_THERE):
        return NotThere(f"{message}it does not have what was asked for ({line})")
    if "transport" in low and "not allowed" in low:
        return UnsafeCode(f"{message}it leads to a protocol that is not allowed ({line})")
    if any(sign in low for sign in ("no space left", "disk quota", "file too large")):
        return StorageRefused(f"{message}there is no room for it in the temporary folder of this machine ({line})")
    if "dubious ownership" in low:
        return StorageRefused(
            f"{message}it belongs to another user, and git does not trust it. Register as its owner, or give the "
            "repository's address"
        )
    return StorageUnreachable(f"{message}{line}. Look whether the address is right and this machine may reach it")


_UNKNOWN_HOST = ("host key verification failed", "remote host identification has changed")
_NOT_LET_IN = (
    "authentication failed",
    "could not read username",
    "could not read password",
    "permission denied (",
    "error: 401",
    "error: 403",
    "returned error: 401",
    "returned error: 403",
    "invalid credentials",
    "invalid format",
    "error in libcrypto",
)
_NO_REPOSITORY = (
    "repository not found",
    "not found",
    "does not appear to be a git repository",
    "does not exist",
    "could not be found",
    "error: 404",
)
_NOT_THERE = (
    "not our ref",
    "not a valid object name",
    "couldn't find remote ref",
    "unadvertised object",
    "no such remote ref",
    "bad object",
)


def _key_of(access: Access | None) -> str:
    if access is None or access.url.scheme == "ssh":
        return "the ssh key (ssh_key, ssh_key_file, or ssh's agent)"
    if access.password is None:
        return "the token: none was given (access_token='env:GIT_TOKEN')"
    return "the secret that holds the token: it is resolved on this machine"


def _telling(said: str) -> str:
    """The line of git's that says most: its first `fatal:` or `error:`, or a host's word, else the last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for line in lines:
        if "permission denied (" in line.lower():
            return line[:300]
    for begin in ("remote: ", "fatal: ", "error: "):
        for line in lines:
            if line.startswith(begin) and len(line) > len(begin):
                return line.removeprefix(begin)[:300]
    return lines[-1][:300] if lines else "git said nothing"


def _fed(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    with suppress(OSError), process.stdin:
        process.stdin.write(data)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - ten times a second
    return total
