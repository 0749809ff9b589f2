"""Repositories on a real git server: over http by git's own http-backend behind basic auth, over ssh by a real sshd.

Both serve bare repositories of one folder; `project()` makes one with a checkout beside it, as a user would have it.
"""

import base64
import os
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.services.components import program
from tests.services.samba import free_port
from tests.services.waiting import eventually

TOKEN = "glpat-canary-token-of-the-tests"
HOW = "apt-get install git"
HOW_SSH = "apt-get install openssh-server openssh-client"


def git(folder: Path, *arguments: str, check: bool = True, **environment: str) -> str:
    """git as a user on the desk runs it, untouched by this machine's configuration."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b.c",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b.c",
    }
    done = subprocess.run(
        [program("git", get=HOW), *arguments],
        cwd=folder,
        env={**clean, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()


@dataclass
class GitServer:
    """Serves the bare repositories in `folder`; `requests` has the path and login of each request over http."""

    folder: Path
    requests: list[tuple[str, str]] = field(default_factory=list)
    login: bool = True
    redirect_to: str | None = None

    def __enter__(self) -> "GitServer":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._start(0)
        self.port = self._server.server_address[1]
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def again(self) -> None:
        """Serve once more on the same port."""
        self._start(self.port)

    def bare(self, name: str) -> Path:
        return self.folder / f"{name}.git"

    def make(self, name: str) -> Path:
        """An empty repository that gives any commit that it has, as the large hosts do."""
        bare = self.bare(name)
        bare.mkdir(parents=True)
        git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
        return bare

    def checkout(self, name: str, folder: Path, remote: str | None = None) -> Path:
        """A checkout whose origin is that repository; what lies in the folder is committed and pushed."""
        if not self.bare(name).exists():
            self.make(name)
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "remote", "add", "origin", remote or f"{self.url}/{name}.git")
        self.push(name, folder)
        return folder

    def push(self, name: str, folder: Path, message: str = "work", ref: str = "HEAD:refs/heads/main") -> str:
        """Commit all and push; the commit."""
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
        git(folder, "push", "--quiet", "--force", str(self.bare(name)), ref)
        return git(folder, "rev-parse", "HEAD")

    def _start(self, port: int) -> None:
        handler = type("Handler", (_Handler,), {"served": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    served: GitServer
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        given = base64.b64decode(self.headers.get("Authorization", "").partition(" ")[2]).decode()
        self.served.requests.append((self.path, given))
        body = self._body()
        if self.served.redirect_to is not None:
            self.send_response(302)
            self.send_header("Location", self.served.redirect_to + self.path)
            self.end_headers()
            return
        if self.served.login and given.partition(":")[2] != TOKEN:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        done = subprocess.run(
            [program("git", get=HOW), "http-backend"],
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(self.served.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
            },
            input=body,
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.split(b": ", 1) for line in head.split(b"\r\n") if b": " in line]
        status = next((int(value.split()[0]) for name, value in lines if name == b"Status"), 200)
        self.send_response(status)
        for name, value in lines:
            if name != b"Status":
                self.send_header(name.decode(), value.decode())
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))


@dataclass
class SshServer:
    """A real sshd for the user who runs the tests, with keys of its own."""

    folder: Path
    port: int = 0

    def __enter__(self) -> "SshServer":
        keygen = program("ssh-keygen", get=HOW_SSH)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        for name in ("host", "user", "stranger"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)], check=True)
        (self.folder / "authorized").write_text((self.folder / "user.pub").read_text())
        key = " ".join((self.folder / "host.pub").read_text().split()[:2])
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {key}\n")
        self.again()
        return self

    def again(self) -> None:
        """Serve on the same port."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it; Debian's own service would have made it
        options = {
            "ListenAddress": "127.0.0.1",
            "HostKey": self.folder / "host",
            "AuthorizedKeysFile": self.folder / "authorized",
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
        }
        given = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        sshd = program("sshd", get=HOW_SSH)
        log = self.folder / "sshd.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sshd, "-D", "-e", "-f", os.devnull, "-p", str(self.port), *given], stderr=out
            )
        eventually(lambda: b"Server listening" in log.read_bytes(), what="sshd listens")

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def key(self, name: str = "user") -> Path:
        return self.folder / name
