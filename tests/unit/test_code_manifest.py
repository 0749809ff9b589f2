"""The manifest is canonical, and nothing unsafe can be said in it."""

import json

import pytest

from homeport.code import CodeFile, Manifest, UnsafeCode
from homeport.code.manifest import parse

HASH = "a" * 64


def manifest_of(*paths: str) -> bytes:
    files = [{"path": path, "mode": "644", "sha256": HASH, "size": 1} for path in paths]
    return json.dumps({"version": 1, "files": files}).encode()


def test_what_is_written_is_read_again() -> None:
    manifest = Manifest.of([CodeFile("ü/b.py", "755", HASH, 3), CodeFile("a.py", "644", HASH, 2)])

    assert parse(manifest.canonical()) == manifest
    assert manifest.size == 5


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "a/../../x", "a//b", "./a", "", "C:/x", "a\\b", "a\x00b", "a\nb", "x/" * 600 + "y"],
)
def test_a_name_that_would_leave_the_folder_is_refused(path: str) -> None:
    with pytest.raises(UnsafeCode):
        parse(manifest_of(path))


@pytest.mark.parametrize("paths", [("a.py", "A.py"), ("lib/a.py", "Lib/b.py"), ("a", "a/b"), ("x.py", "x.py")])
def test_names_that_overwrite_one_another_are_refused(paths: tuple[str, str]) -> None:
    with pytest.raises(UnsafeCode):
        parse(manifest_of(*paths))


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"5", b"[]", b"\xff", b'{"version":2,"files":[]}', b'{"version":1}', b'{"version":1,"files":[5]}']
    + [b"[" * 100_000]
    + [manifest_of("a").replace(b'"size": 1', wrong) for wrong in (b'"size": -1', b'"size": true', b'"size": "1"')]
    + [manifest_of("a").replace(b'"644"', b'"777"'), manifest_of("a").replace(HASH.encode(), b"../../x")],
)
def test_what_is_no_manifest_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(UnsafeCode):
        parse(data)
