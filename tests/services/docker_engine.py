"""A real Docker engine of our own: no systemd, its data, socket and bridge apart from whatever else runs here.

Nothing is left behind: the engine ends with its containers, its mounts are taken down, its bridge is removed. It writes
no packet filter rules: containers of the tests need no network beyond the machine.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.components import program
from tests.services.waiting import eventually

ROOT = Path(__file__).parents[2]
GET = "apt-get install docker.io iptables iproute2"


@dataclass
class DockerEngine:
    """One engine below one folder."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    # A socket's path may have 107 characters, and folders of tests are deep.
    short: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="hpd-")))

    @property
    def socket(self) -> Path:
        return self.short / "docker.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def bridge(self) -> str:
        return f"hpbr{os.getpid() % 10**7}"

    @property
    def log(self) -> Path:
        return self.folder / "dockerd.log"

    def start(self) -> None:
        """Start, and wait until it answers."""
        serve = program("dockerd", get=GET)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_bridge()
        for driver in ("overlay2", "vfs"):
            command = [serve, "--host", self.url, "--data-root", str(self.folder / "data"), "--bridge", self.bridge]
            command += ["--exec-root", str(self.short / "exec"), "--pidfile", str(self.short / "pid")]
            command += ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
            command += ["--storage-driver", driver, "--shutdown-timeout", "2"]
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(command, stdout=log, stderr=log)
            if eventually(lambda: self._answers() or self._ended(), what=f"dockerd answers; see {self.log}") == "yes":
                return
        raise AssertionError(f"dockerd does not start: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End the engine, its containers, mounts and bridge."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            mounted = line.split()[1]
            if mounted.startswith((f"{self.folder}/", f"{self.short}/")):
                subprocess.run(["umount", "-l", mounted], check=False, capture_output=True)
        subprocess.run([program("ip", get=GET), "link", "del", self.bridge], check=False, capture_output=True)
        shutil.rmtree(self.short, ignore_errors=True)
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def docker(self, *arguments: str, stdin: bytes | None = None, check: bool = True) -> str:
        """What the plain command line of Docker answers."""
        done = subprocess.run(
            [program("docker", get=GET, also=("/usr/bin",)), "-H", self.url, *arguments],
            input=stdin,
            capture_output=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.short)},
        )
        assert not check or done.returncode == 0, f"docker {arguments}: {done.stderr.decode()}"
        return (done.stdout if check else done.stdout + done.stderr).decode().strip()

    def _make_bridge(self) -> None:
        ip = program("ip", get=GET)
        subprocess.run([ip, "link", "del", self.bridge], check=False, capture_output=True)
        subprocess.run([ip, "link", "add", "name", self.bridge, "type", "bridge"], check=True, capture_output=True)
        network = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}.1/24"
        subprocess.run([ip, "addr", "add", network, "dev", self.bridge], check=True, capture_output=True)
        subprocess.run([ip, "link", "set", self.bridge, "up"], check=True, capture_output=True)

    def _answers(self) -> str:
        if not self.socket.exists():
            return ""
        return "yes" if "Server Version" in self.docker("info", check=False) else ""

    def _ended(self) -> str:
        assert self.process is not None
        return "" if self.process.poll() is None else "no"


def base_image(engine: DockerEngine, tag: str) -> None:
    """An image of this machine's own Python and what Homeport needs, without Homeport: nothing has to be pulled.

    Made once on a machine: it is kept in its temporary folder.
    """
    cache = Path(tempfile.gettempdir()) / f"homeport-base-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    archive = cache / f"{_fingerprint()}.tar"
    if not archive.exists():
        _pack(archive)
    variables = [
        f"ENV PATH={sys.base_prefix}/bin:/usr/bin:/bin",
        "ENV LANG=C.UTF-8",
        "ENV PIP_NO_INDEX=1",
        "ENV PIP_NO_DEPS=1",
    ]
    changes = [part for variable in (*variables, 'CMD ["python"]') for part in ("-c", variable)]
    engine.docker("import", *changes, str(archive), tag)


def homeport_image(engine: DockerEngine, base: str, tag: str) -> None:
    """The base image with Homeport as it stands in this repository."""
    site = f"{sys.base_prefix}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages/"
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        text = f"FROM {base}\nCOPY packages {site}\n".encode()
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
        for package in ("sdk/homeport", "agent/homeport_agent", "storage_blocks/homeport_storage"):
            tar.add(ROOT / package, f"packages/{Path(package).name}", filter=_source)
    engine.docker("build", "-q", "-t", tag, "-", stdin=context.getvalue())


def _source(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in info.name else info


def _fingerprint() -> str:
    """What the base image is made of."""
    from importlib.metadata import distributions

    installed = sorted(f"{found.name}=={found.version}" for found in distributions() if found.name != "homeport")
    program_text = Path(__file__).read_bytes()
    return hashlib.sha256("\n".join([sys.version, sys.base_prefix, *installed]).encode() + program_text).hexdigest()[
        :16
    ]


SMALLER = ("test", "idlelib", "tkinter", "turtledemo", "site-packages", "__pycache__", "lib2to3", "ensurepip")
NOT_NEEDED = {"cryptography", "secretstorage", "cffi", "jeepney"}
"""Large, and of a keyring that no container has."""
NEEDED = """
    click cronsim cloudpickle httpx keyring pathspec pydantic python-dateutil python-dotenv rich ruamel-yaml tomlkit
    tzdata uuid-utils websockets
"""


def _pack(archive: Path) -> None:
    """Python, its shared libraries, a shell of busybox, and the packages that Homeport needs, as a tar."""
    root = Path(tempfile.mkdtemp(prefix="hpbase-"))
    prefix, version = Path(sys.base_prefix), f"{sys.version_info.major}.{sys.version_info.minor}"
    inside = root / str(prefix).lstrip("/")
    library = inside / f"lib/python{version}"
    try:
        left_out = shutil.ignore_patterns(*SMALLER, "*.a", "config-*", "_tkinter*", "_test*")
        shutil.copytree(prefix / f"lib/python{version}", library, ignore=left_out, symlinks=True)
        (inside / "bin").mkdir(parents=True)
        shutil.copy2(Path(sys.executable).resolve(), inside / f"bin/python{version}")
        (inside / "bin/python").symlink_to(f"python{version}")
        (inside / "bin/python3").symlink_to(f"python{version}")
        for shared in prefix.glob("lib/libpython*.so*"):
            shutil.copy2(shared, inside / "lib", follow_symlinks=False)
        site = library / "site-packages"
        site.mkdir()
        _copy_packages(["pip", *NEEDED.split()], site)
        busybox = program("busybox", get="apt-get install busybox-static", also=("/bin", "/usr/bin"))
        (root / "bin").mkdir()
        shutil.copy2(busybox, root / "bin/busybox")
        for name in ("sh", "cat", "echo", "false", "ls", "mkdir", "rm", "dd", "seq"):
            (root / "bin" / name).symlink_to("busybox")
        binaries = [inside / f"bin/python{version}", *inside.rglob("*.so"), *inside.glob("lib/*.so.*")]
        _copy_libraries(binaries, root)
        for name in ("tmp", "etc", "proc", "sys", "dev"):
            (root / name).mkdir(exist_ok=True)
        (root / "tmp").chmod(0o1777)
        (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\nann:x:1000:1000:ann:/tmp:/bin/sh\n")
        partial = archive.with_suffix(f".{os.getpid()}")
        subprocess.run(["tar", "cf", str(partial), "-C", str(root), "."], check=True)
        partial.rename(archive)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _copy_packages(names: list[str], site: Path) -> None:
    """Copy installed distributions and what they need."""
    from importlib.metadata import PackageNotFoundError, distribution

    from packaging.requirements import Requirement

    pending, seen = list(names), set[str]()
    while pending:
        name = pending.pop()
        if name.lower().replace("_", "-") in seen | NOT_NEEDED:
            continue
        seen.add(name.lower().replace("_", "-"))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        for text in found.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(requirement.name)
        for file in found.files or ():
            source = Path(str(found.locate_file(file)))
            if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
                continue
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, site / file)


def _copy_libraries(binaries: list[Path], root: Path) -> None:
    """What the dynamic linker finds for them, at the same places."""
    listed = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    needed = {word for line in listed.splitlines() for word in line.split() if word.startswith("/") and ":" not in word}
    for library in needed:
        target = root / library.lstrip("/")
        if Path(library).is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, target)
