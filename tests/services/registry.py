"""A real Docker registry with a login, in a process of its own (Debian's docker-registry)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.services.components import program
from tests.services.control_plane import free_port
from tests.services.waiting import eventually

USER, PASSWORD = "ann", "right-password"


@dataclass
class DockerRegistry:
    """One registry on loopback, its data below one folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    auth: str = ""
    """How it asks who is there, as its configuration says it; users and passwords of a file, if nothing else."""
    tls: tuple[Path, Path] | None = None
    """Certificate and key; without, it speaks plain http."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        """Start, and wait until it answers."""
        serve = program("docker-registry", get="apt-get install docker-registry")
        htpasswd = program("htpasswd", get="apt-get install apache2-utils")
        self.folder.mkdir(parents=True, exist_ok=True)
        users = subprocess.run([htpasswd, "-nbB", "-C", "4", USER, PASSWORD], check=True, capture_output=True).stdout
        (self.folder / "htpasswd").write_bytes(users)
        tls = f", tls: {{certificate: {self.tls[0]}, key: {self.tls[1]}}}" if self.tls else ""
        (self.folder / "config.yml").write_text(f"""
version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage: {{filesystem: {{rootdirectory: {self.folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: "{self.host}"{tls}}}
auth: {{{self.auth or f"htpasswd: {{realm: test, path: {self.folder}/htpasswd}}"}}}
""")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([serve, "serve", str(self.folder / "config.yml")], stdout=log, stderr=log)
        eventually(self._answers, what=f"the registry answers; see {self.log}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """While this lasts, nobody listens."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """While this lasts, it refuses whatever would write."""
        self.stop()
        config = self.folder / "config.yml"
        before = config.read_text()
        os.environ["REGISTRY_STORAGE_MAINTENANCE_READONLY"] = "{enabled: true}"
        try:
            self.start()
            yield
        finally:
            del os.environ["REGISTRY_STORAGE_MAINTENANCE_READONLY"]
            self.stop()
            config.write_text(before)
            self.start()

    def blobs(self) -> dict[str, Path]:
        """Every blob that is kept, by digest."""
        kept = self.folder / "data/docker/registry/v2/blobs/sha256"
        return {f"sha256:{path.parent.name}": path for path in kept.glob("*/*/data")}

    def tags(self, repository: str) -> set[str]:
        """The tags of a repository."""
        answer = httpx.get(f"http://{self.host}/v2/{repository}/tags/list", auth=(USER, PASSWORD))
        return set(answer.json().get("tags") or ()) if answer.status_code == 200 else set()

    def digest(self, repository: str, tag: str) -> str:
        """The digest of what a tag stands for."""
        accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        url = f"http://{self.host}/v2/{repository}/manifests/{tag}"
        return str(httpx.head(url, auth=(USER, PASSWORD), headers=accept).headers["docker-content-digest"])

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            scheme = "https" if self.tls else "http"
            return httpx.get(f"{scheme}://{self.host}/v2/", verify=False).status_code == 401
        except httpx.HTTPError:
            return False
