"""`register --watch` notices what changed."""

import os
from pathlib import Path

from homeport.cli.file_watch import changes


def test_a_changed_new_or_removed_file_is_named_and_hidden_ones_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    steps = iter(
        [
            lambda: (tmp_path / ".cache.py").write_text("hidden"),
            lambda: (tmp_path / "b.py").write_text("new"),
            lambda: os.utime(tmp_path / "b.py", ns=(1, 1)),
            lambda: (tmp_path / "a.py").unlink(),
        ]
    )
    seen = changes([tmp_path], sleep=lambda _: next(steps)())

    assert next(seen) == str(tmp_path / "b.py")
    assert next(seen) == str(tmp_path / "b.py")
    assert next(seen) == str(tmp_path / "a.py")
