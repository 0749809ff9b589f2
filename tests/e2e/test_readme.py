"""The README's tour, followed literally: its Python blocks are saved, its console blocks are typed."""

import sys
from pathlib import Path

from tests.conftest import reachable
from tests.services.control_plane import free_port
from tests.services.pages import ROOT, follow


def test_the_tour_of_the_readme_works_as_written(tmp_path: Path) -> None:
    port = free_port()
    text = (ROOT / "README.md").read_text()
    tour = text[text.index("## Five minutes") : text.index("## Where to read on")]
    tour = tour.replace("/tmp/homeport-tour", str(tmp_path / "tour"))
    tour = tour.replace("server start --detach", f"server start --detach --port {port}")
    tour = tour.replace('PATH="$PWD/.venv/bin:$PATH"', f'PATH="{Path(sys.executable).parent}:$PATH"')
    # The command would make it for its owner only, and PostgreSQL would move out of it where that is root.
    (reachable(tmp_path) / "tour" / "home" / "server").mkdir(parents=True)

    printed = follow(
        tour,
        folder=tmp_path,
        environment={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "HOMEPORT_API_URL": f"http://127.0.0.1:{port}",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        },
        at_the_end="homeport server stop >/dev/null 2>&1 || true",
    )

    assert "total 10.50" in printed
    assert "Completed" in printed
