"""Fetched code is shared by digest, and never trusted after somebody wrote into it."""

import errno
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from homeport.code import CodeMissing, collect, folder_reference, open_storage
from homeport_agent.code_cache import CodeCache, CodeCacheError
from tests.services.small_disk import small_disk


def stored(tmp_path: Path, name: str = "project", content: str = "x = 1\n") -> tuple[dict[str, Any], str]:
    root = tmp_path / name
    root.mkdir()
    (root / "flow.py").write_text(content)
    tree = collect(root)
    return open_storage(folder_reference(tmp_path / "storage")).put(tree).reference, tree.digest


def test_code_is_fetched_once_and_found_again_without_the_storage(tmp_path: Path) -> None:
    reference, digest = stored(tmp_path)
    cache = CodeCache(tmp_path / "home")

    first = cache.acquire(reference, digest)
    (tmp_path / "storage").rename(tmp_path / "unmounted")
    second = cache.acquire(reference, digest)

    assert first.tree == second.tree
    assert (first.tree / "flow.py").read_text() == "x = 1\n"
    first.close()
    second.close()


def test_code_that_a_run_wrote_into_is_fetched_anew(tmp_path: Path) -> None:
    reference, digest = stored(tmp_path)
    cache = CodeCache(tmp_path / "home")
    used = cache.acquire(reference, digest)

    (used.tree / "flow.py").write_text("x = 2\n")
    again = cache.acquire(reference, digest)

    assert (again.tree / "flow.py").read_text() == "x = 1\n"
    used.close()
    again.close()


def test_a_file_that_a_run_added_is_not_there_for_the_next_one(tmp_path: Path) -> None:
    reference, digest = stored(tmp_path)
    cache = CodeCache(tmp_path / "home")
    used = cache.acquire(reference, digest)

    (used.tree / "json.py").write_text("shadow = True\n")
    again = cache.acquire(reference, digest)

    assert [path.name for path in again.tree.iterdir()] == ["flow.py"]
    used.close()
    again.close()


def test_what_python_caches_beside_the_code_does_not_count_as_a_change(tmp_path: Path) -> None:
    reference, digest = stored(tmp_path)
    cache = CodeCache(tmp_path / "home")
    used = cache.acquire(reference, digest)
    (used.tree / "__pycache__").mkdir()
    (used.tree / "__pycache__/flow.pyc").touch()
    (tmp_path / "storage").rename(tmp_path / "unmounted")

    again = cache.acquire(reference, digest)

    assert again.tree == used.tree
    used.close()
    again.close()


def test_many_at_once_fetch_one_copy(tmp_path: Path) -> None:
    reference, digest = stored(tmp_path)
    trees = []

    def acquire() -> None:
        code = CodeCache(tmp_path / "home").acquire(reference, digest)
        trees.append(code.tree)
        code.close()

    threads = [threading.Thread(target=acquire) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(trees) == 16
    assert len(set(trees)) == 1
    assert len([path for path in (tmp_path / "home/code").iterdir() if not path.name.startswith(".")]) == 1


def test_what_was_used_longest_ago_makes_room_but_never_what_is_in_use(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path / "home", limit_bytes=1500)
    held = cache.acquire(*stored(tmp_path, "held", "# held" + "x" * 1000))
    cache.acquire(*stored(tmp_path, "idle", "# idle" + "x" * 1000)).close()

    cache.acquire(*stored(tmp_path, "new", "# new" + "x" * 1000)).close()

    kept = {
        (path / "tree/flow.py").read_text()[:6] for path in (tmp_path / "home/code").iterdir() if path.name[0] != "."
    }
    assert kept == {"# held", "# newx"}
    held.close()


def test_missing_code_is_an_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    reference, _ = stored(tmp_path)
    cache = CodeCache(tmp_path / "home")

    with pytest.raises(CodeMissing):
        cache.acquire(reference, "sha256:" + "0" * 64)

    assert [path for path in (tmp_path / "home/code").iterdir() if path.is_dir()] == []


def test_of_the_next_version_only_what_this_machine_lacks_is_fetched(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "lib").mkdir(parents=True)
    (root / "flow.py").write_text("x = 1\n")
    (root / "lib/words.py").write_text("HELLO = 1\n")
    storage = open_storage(folder_reference(tmp_path / "storage"))
    cache = CodeCache(tmp_path / "home")
    first = storage.put(collect(root))
    cache.acquire(first.reference, first.digest).close()
    kept = set((tmp_path / "storage/blobs").rglob("*"))
    (root / "flow.py").write_text("x = 2\n")
    second = storage.put(collect(root))

    for blob in kept:
        if blob.is_file():
            blob.unlink()
    code = cache.acquire(second.reference, second.digest)

    assert collect(code.tree).digest == second.digest
    code.close()


def test_a_file_that_a_run_wrote_into_is_not_taken_for_the_next_version(tmp_path: Path) -> None:
    reference, digest = stored(tmp_path)
    cache = CodeCache(tmp_path / "home")
    used = cache.acquire(reference, digest)
    (tmp_path / "project/more.py").write_text("more = 1\n")
    next_version = open_storage(reference).put(collect(tmp_path / "project"))

    (used.tree / "flow.py").write_text("x = 666\n")
    code = cache.acquire(reference, next_version.digest)

    assert (code.tree / "flow.py").read_text() == "x = 1\n"
    used.close()
    code.close()


def test_a_cached_manifest_that_was_written_into_costs_fetching_and_no_more(tmp_path: Path) -> None:
    reference, digest = stored(tmp_path)
    cache = CodeCache(tmp_path / "home")
    cache.acquire(reference, digest).close()
    (tmp_path / "project/more.py").write_text("more = 1\n")
    next_version = open_storage(reference).put(collect(tmp_path / "project"))

    for content in (b"", b"[]", b'{"files":[{"sha256":[],"path":[]}]}', b"[" * 10_000):
        entry = tmp_path / "home/code" / digest[7:]
        (entry / "manifest.json").write_bytes(content)
        code = cache.acquire(reference, next_version.digest)
        assert collect(code.tree).digest == next_version.digest
        (code.tree / "more.py").write_text("written into, so that it is fetched again\n")
        code.close()


def test_a_full_disk_makes_room_by_what_no_run_uses(tmp_path: Path) -> None:
    text = "".join(f"# {number:06d}\n" for number in range(40_000))  # 360 kB
    old, used, new = (stored(tmp_path, name, f"name = {name!r}\n{text}") for name in ("old", "used", "new"))

    with small_disk(tmp_path / "home", megabytes=1) as home:
        cache = CodeCache(home)
        cache.acquire(*old).close()
        in_use = cache.acquire(*used)
        got = cache.acquire(*new)

        assert "name = 'new'" in (got.tree / "flow.py").read_text()
        assert in_use.tree.is_dir()
        assert not (home / "code" / old[1].partition(":")[2]).exists()
        in_use.close()
        got.close()


def test_a_disk_on_which_there_is_no_room_is_told_with_folder_and_mend(tmp_path: Path) -> None:
    reference = stored(tmp_path)

    with small_disk(tmp_path / "home", megabytes=1) as home:
        with suppress(OSError), (home / "filling").open("wb", buffering=0) as filling:
            while True:
                filling.write(b"x" * 4096)
        with pytest.raises(CodeCacheError) as caught:
            CodeCache(home).acquire(*reference)

    assert str(tmp_path / "home/code") in str(caught.value)
    assert "No space left on device. Make room there" in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/mnt/of-the-storage/flows"),
        OSError("what an HTTP library raises"),
    ],
)
def test_an_error_of_the_network_or_of_files_elsewhere_is_not_told_as_one_of_this_disk(
    error: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def __init__(self, _: object) -> None: ...

        def fetch(self, *_: object) -> None:
            raise error

    monkeypatch.setattr("homeport_agent.code_cache.open_storage", Away)

    with pytest.raises(type(error)) as caught:
        CodeCache(tmp_path).acquire({"kind": "away"}, "sha256:" + "0" * 64)

    assert caught.value is error


def test_a_cache_that_may_not_be_written_to_is_told_with_folder_and_mend(tmp_path: Path) -> None:
    (tmp_path / "code").write_text("a file where the folder should be")

    with pytest.raises(CodeCacheError, match=r"code cannot be written to: .*mend its permissions"):
        CodeCache(tmp_path).acquire(*stored(tmp_path))
