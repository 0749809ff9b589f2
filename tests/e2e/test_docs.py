"""The documentation is true: guides do what they say, tables are those of the code, links lead somewhere."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.config.definitions import SETTINGS
from homeport_control_plane.api.permissions import DECLARED
from homeport_control_plane.api.schema import build
from homeport_control_plane.states import FLOW_RUN_TRANSITIONS, TASK_RUN_TRANSITIONS, StateType
from homeport_control_plane.timings import Timings
from tests.conftest import reachable
from tests.services.control_plane import ControlPlane, free_port
from tests.services.pages import ROOT, follow

DOCS = ROOT / "docs"
# The guide of images needs an engine: tests/e2e/test_docker_storage.py types it.
GUIDES = sorted(path for path in (DOCS / "guides").glob("*.md") if path.name != "storage-docker.md")
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
KINDS = ("admin", "member", "viewer", "agent", "run")
STOP_AGENTS = "for file in *.pid; do [ -e $file ] && kill $(cat $file) 2>/dev/null || true; done; wait"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    server = ControlPlane(reachable(tmp_path_factory.mktemp("docs")) / "data")
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("page", [*GUIDES, DOCS / "reference/graphql.md"], ids=lambda path: path.stem)
def test_a_page_does_what_it_says(page: Path, control_plane: ControlPlane, tmp_path: Path) -> None:
    reachable(tmp_path)
    own_port = free_port()
    text = page.read_text().replace("4800", str(own_port)).replace("http://127.0.0.1:4700", control_plane.url)

    follow(
        text,
        folder=tmp_path,
        environment={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "HOMEPORT_HOME": str(tmp_path / "home"),
            "HOMEPORT_API_URL": control_plane.url,
            "HOMEPORT_API_KEY": control_plane.admin_key,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            **a_place_to_install(tmp_path / "installed"),
        },
        at_the_end=f"{STOP_AGENTS}; homeport server stop >/dev/null 2>&1 || true",
    )


def a_place_to_install(folder: Path) -> dict[str, str]:
    """So that `pip install ./package` of a page builds with what is here, and leaves this environment as it was."""
    folder.mkdir()
    return {
        "PIP_TARGET": str(folder),
        "PYTHONPATH": str(folder),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which pip reads as "do not isolate"
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def test_every_relative_link_leads_to_a_file() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text())
        if "://" not in target and not target.startswith("#") and not (page.parent / target.partition("#")[0]).exists()
    ]

    assert broken == []


def test_every_link_to_a_heading_leads_to_one() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text())
        if "://" not in target and "#" in target and not _has_heading(page, target)
    ]

    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in LINK.findall((DOCS / "README.md").read_text())}

    assert set(DOCS.rglob("*.md")) - linked == {DOCS / "README.md"}


def test_the_page_of_settings_lists_those_of_the_code() -> None:
    rows = {row[0]: row[1:3] for row in _table(DOCS / "reference/settings.md", "setting")}

    assert rows == {
        f"`{setting.name}`": [f"`{setting.variable}`", f"`{setting.default}`" if setting.default else ""]
        for setting in SETTINGS.values()
    }


def test_the_page_of_settings_lists_the_intervals_of_the_control_plane() -> None:
    rows = {row[0]: row[1] for row in _table(DOCS / "reference/settings.md", "interval")}

    fields = Timings.__dataclass_fields__.values()
    assert rows == {f"`HOMEPORT_SERVER_{field.name.upper()}`": f"{field.default}" for field in fields}


@pytest.mark.parametrize(
    ("heading", "allowed"), [("flow run", FLOW_RUN_TRANSITIONS), ("task run", TASK_RUN_TRANSITIONS)]
)
def test_the_page_of_states_shows_the_transitions_of_the_code(
    heading: str, allowed: dict[StateType, frozenset[StateType]]
) -> None:
    rows = {row[0]: set(re.findall(r"[A-Z]+", row[1])) for row in _table(DOCS / "reference/states.md", heading)}

    assert rows == {str(state): {str(follower) for follower in after} for state, after in allowed.items()}


def test_the_page_of_keys_says_who_may_do_what() -> None:
    build()
    rows = {row[0]: row[1:] for row in _table(DOCS / "guides/keys.md", "operation")}

    assert rows == {f"`{name}`": ["yes" if kind in kinds else "" for kind in KINDS] for name, kinds in DECLARED.items()}


def _table(page: Path, first_header: str) -> list[list[str]]:
    """The rows below the header row whose first cell is that; cells without the space around them."""
    lines = page.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def _has_heading(page: Path, target: str) -> bool:
    file, _, anchor = target.partition("#")
    text = ((page.parent / file) if file else page).read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
