"""An installed module as storage: found without importing it, taken only if it is what was registered."""

import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from homeport.code import (
    CodeMissing,
    CodeTree,
    DigestMismatch,
    PackingError,
    Storage,
    UnsafeCode,
    collect,
    open_storage,
)
from homeport.code.storage import InPlace
from tests.conformance.storage_suite import TreeStorageSuite, write_project


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is on the path of imports, as a virtual environment's site-packages is."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def name() -> str:
    """A name that no other test's module has."""
    return f"flows_{uuid.uuid4().hex[:12]}"


class TestModuleStorage(TreeStorageSuite):
    @pytest.fixture(autouse=True)
    def of_site(self, site: Path, name: str) -> None:
        self.package = site / name
        write_project(self.package)
        (self.package / "__init__.py").write_text("raise AssertionError('it was imported')\n")

    @pytest.fixture
    def storage(self, name: str) -> Storage:
        return open_storage({"kind": "module", "module": name})

    @pytest.fixture
    def tree(self, storage: Storage) -> CodeTree:
        assert isinstance(storage, InPlace)
        return storage.installed()

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        hidden = self.package.rename(self.package.with_name("uninstalled"))
        yield
        hidden.rename(self.package)

    def test_the_reference_is_plain_json_and_opens_the_same_storage(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = json.loads(json.dumps(storage.put(tree).reference))

        open_storage(reference).fetch(reference, tree.digest, tmp_path / "out")

        assert reference == {"kind": "module", "module": self.package.name}
        assert (tmp_path / "out" / self.package.name / "flow.py").read_text() == "import lib.words\n"


def test_the_whole_package_of_a_module_is_taken_and_what_lies_beside_it_is_not(
    site: Path, name: str, tmp_path: Path
) -> None:
    write(site, {f"{name}/__init__.py": "", f"{name}/etl/__init__.py": "", f"{name}/etl/daily.py": "x = 1\n"})
    write(site, {"other/__init__.py": "", f"{name}/__pycache__/x.pyc": "", "loose.py": ""})

    assert taken(f"{name}.etl.daily", tmp_path) == {
        f"{name}/__init__.py",
        f"{name}/etl/__init__.py",
        f"{name}/etl/daily.py",
    }


def test_a_module_of_one_file_is_that_file(site: Path, name: str, tmp_path: Path) -> None:
    write(site, {f"{name}.py": "x = 1\n", "other.py": ""})

    assert taken(name, tmp_path) == {f"{name}.py"}


def test_of_a_namespace_package_the_package_inside_is_taken(
    site: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = tmp_path / "second"
    write(site, {f"{name}/ours/__init__.py": "", f"{name}/ours/daily.py": "", f"{name}/alone.py": ""})
    write(second, {f"{name}/theirs/__init__.py": ""})
    monkeypatch.syspath_prepend(str(second))

    assert taken(f"{name}.ours.daily", tmp_path) == {f"{name}/ours/__init__.py", f"{name}/ours/daily.py"}
    assert taken(f"{name}.alone", tmp_path) == {f"{name}/alone.py"}
    assert taken(f"{name}.theirs", tmp_path) == {f"{name}/theirs/__init__.py"}
    with pytest.raises(PackingError, match=f"namespace package in 2 places; name a package in it: {name}.x"):
        taken(name, tmp_path)


@pytest.mark.parametrize("how", ["path", "finder"])
def test_an_editable_install_is_found_where_its_source_is(
    site: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    source = tmp_path / "checkout/src"
    write(source, {f"{name}/__init__.py": "", f"{name}/daily.py": "x = 1\n"})
    if how == "path":  # a .pth file's line
        monkeypatch.syspath_prepend(str(source))
    else:  # as setuptools does it
        import importlib.util

        class Finder:
            @staticmethod
            def find_spec(fullname: str, path: object = None, target: object = None) -> object:
                if fullname != name:
                    return None
                package = source / name
                return importlib.util.spec_from_file_location(
                    name, package / "__init__.py", submodule_search_locations=[str(package)]
                )

        monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])

    assert taken(f"{name}.daily", tmp_path) == {f"{name}/__init__.py", f"{name}/daily.py"}


def test_a_distribution_s_version_is_recorded_and_another_one_is_refused_with_both(
    site: Path, name: str, tmp_path: Path
) -> None:
    install(site, name, "1.2")
    stored = open_storage({"kind": "module", "module": name}).put(installed(name))
    for old in site.glob("*.dist-info"):
        old.rename(old.with_name(f"{name}-1.1.dist-info"))
    install(site, name, "1.1")

    with pytest.raises(DigestMismatch) as mismatch:
        open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert stored.reference["version"] == "1.2"
    for part in ("version 1.2", "version 1.1", stored.digest, f"pip install '{name}==1.2'", str(site)):
        assert part in str(mismatch.value)
    assert not list(tmp_path.glob("*out*"))


def test_the_same_version_with_other_files_is_refused_and_told_apart(site: Path, name: str, tmp_path: Path) -> None:
    install(site, name, "1.2")
    stored = open_storage({"kind": "module", "module": name}).put(installed(name))
    (site / name / "daily.py").write_text("patched = True\n")

    with pytest.raises(DigestMismatch, match="versions are the same and the files are not"):
        open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")


def test_what_is_not_installed_is_missing_and_the_message_says_where_it_was_looked_for(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(CodeMissing, match=r"is not found in .*Install the package"):
        taken(f"{name}.daily", tmp_path)
    assert not open_storage({"kind": "module", "module": name}).check().ok


def test_a_package_that_was_installed_since_this_process_began_is_found(site: Path, name: str, tmp_path: Path) -> None:
    storage = open_storage({"kind": "module", "module": name})
    assert not storage.check().ok

    write(site, {f"{name}/__init__.py": ""})

    assert storage.check().ok


def test_modules_that_have_no_files_are_refused(
    site: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr(f"{name}/__init__.py", "")
    monkeypatch.syspath_prepend(str(archive))

    for module, words in (("sys", "a part of Python itself"), (name, "is in an archive")):
        with pytest.raises(PackingError, match=words):
            taken(module, tmp_path)


@pytest.mark.parametrize("module", ["", "a b", "../x", "a/b", "a..b", ".a", "-m", "a;b", "x" * 600])
def test_a_name_that_no_import_takes_is_refused(module: str) -> None:
    with pytest.raises(UnsafeCode):
        open_storage({"kind": "module", "module": module})


def test_a_pip_install_and_an_editable_one_of_the_same_source_have_one_digest(tmp_path: Path, name: str) -> None:
    project = tmp_path / "project"
    write(project, {f"{name}/__init__.py": "", f"{name}/daily.py": "x = 1\n"})
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "2.0"\n'
    )
    digests = set()
    for number, options in enumerate((["--editable"], [])):
        target = tmp_path / f"target-{number}"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([*pip, "--target", str(target), *options, str(project)], check=True, capture_output=True)
        look = subprocess.run(
            [sys.executable, "-c", LOOK, str(target), name], check=True, capture_output=True, text=True, cwd=tmp_path
        )
        digests.add(look.stdout)

    assert len(digests) == 1
    assert "2.0" in digests.pop()


LOOK = """
import site, sys
site.addsitedir(sys.argv[1])
from homeport.code import open_storage
storage = open_storage({"kind": "module", "module": sys.argv[2]})
stored = storage.put(storage.installed())
print(stored.digest, stored.reference["version"])
"""


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def install(site: Path, name: str, version: str) -> None:
    """What pip leaves behind: the package, and its metadata."""
    write(site, {f"{name}/__init__.py": "", f"{name}/daily.py": f"VERSION = '{version}'\n"})
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    write(
        site,
        {f"{name}-{version}.dist-info/METADATA": metadata, f"{name}-{version}.dist-info/top_level.txt": f"{name}\n"},
    )


def installed(name: str) -> CodeTree:
    storage = open_storage({"kind": "module", "module": name})
    assert isinstance(storage, InPlace)
    return storage.installed()


def taken(module: str, tmp_path: Path) -> set[str]:
    """What a run would have of the module."""
    storage: Any = open_storage({"kind": "module", "module": module})
    stored = storage.put(storage.installed())
    into = tmp_path / f"out-{uuid.uuid4().hex}"
    storage.fetch(stored.reference, stored.digest, into)
    return {file.path for file in collect(into).manifest.files}
