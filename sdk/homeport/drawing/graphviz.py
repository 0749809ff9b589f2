"""Pictures by graphviz, where its program `dot` is installed: for formats other than SVG."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence

from homeport.drawing.svg import Arrow, Box


class GraphvizMissing(RuntimeError):  # noqa: N818 - named for what happened
    """A format was asked for that only graphviz can draw, and it is not installed."""


def dot_source(title: str, boxes: Sequence[Box], arrows: Sequence[Arrow], *, horizontal: bool = False) -> str:
    """The graph in graphviz's language."""
    lines = [f"digraph {_quoted(title)} {{", f"  rankdir={'LR' if horizontal else 'TB'};"]
    for box in boxes:
        fill, line = box.colours
        label = f"{box.label}\n{box.note}" if box.note else box.label
        shape = "ellipse" if box.parameter else "box"
        lines.append(
            f'  {_quoted(box.key)} [label={_quoted(label)}, shape={shape}, style="rounded,filled", '
            f'fillcolor="{fill}", color="{line}", peripheries={2 if box.mapped else 1}];'.replace(
                '"rounded,filled"', '"filled"' if box.parameter else '"rounded,filled"'
            )
        )
    lines += [f"  {_quoted(arrow.start)} -> {_quoted(arrow.end)} [label={_quoted(arrow.label)}];" for arrow in arrows]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    # As it is: graphviz reads UTF-8, and does not know the escapes of JSON.
    return json.dumps(text, ensure_ascii=False)


def rendered(source: str, format: str) -> bytes:
    """The picture in this format; raises GraphvizMissing, or RuntimeError with what graphviz says."""
    program = shutil.which("dot")
    if program is None:
        raise GraphvizMissing(
            f"Pictures are drawn as SVG without any other program; {format!r} needs graphviz, whose program `dot` is "
            f"not on the PATH. Install graphviz, or ask for SVG: flow.visualize(filename='picture.svg')."
        )
    done = subprocess.run([program, f"-T{format}"], input=source.encode(), capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"graphviz could not draw {format!r}: {done.stderr.decode(errors='replace').strip()[:500]}")
    return done.stdout
