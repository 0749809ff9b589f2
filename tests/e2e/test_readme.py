"""The README's tour, followed literally: its Python blocks are saved, its console blocks are typed."""

import re
import subprocess
import sys
from pathlib import Path

from tests.services.control_plane import free_port

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def tour() -> str:
    """The tour as one shell script: each block in the order of the page."""
    text = README.read_text()
    section = text[text.index("## Five minutes") : text.index("## Where to read on")]
    script = ["set -euo pipefail"]
    for kind, body in BLOCK.findall(section):
        if kind == "console":
            script += [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
        elif kind == "python":
            name = body.splitlines()[0].removeprefix("# ")
            script.append(f"mkdir -p $(dirname {name}) && cat > {name} <<'END_OF_FILE'\n{body}END_OF_FILE")
    return "\n".join(script)


def test_the_tour_of_the_readme_works_as_written(tmp_path: Path) -> None:
    port = free_port()
    script = tour().replace("/tmp/homeport-tour", str(tmp_path / "tour"))
    script = script.replace("server start --detach", f"server start --detach --port {port}")
    script = script.replace('PATH="$PWD/.venv/bin:$PATH"', f'PATH="{Path(sys.executable).parent}:$PATH"')
    tmp_path.chmod(0o711)

    done = subprocess.run(
        ["bash", "-c", f"trap 'homeport server stop >/dev/null 2>&1 || true' EXIT\n{script}"],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "HOMEPORT_API_URL": f"http://127.0.0.1:{port}",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        },
        capture_output=True,
        text=True,
        timeout=150,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "total 10.50" in done.stdout + done.stderr
    assert "Completed" in done.stdout + done.stderr
