"""A flow as a picture: shown by a notebook, saved to a file, or opened."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.drawing import graphviz
from homeport.drawing.svg import Arrow, Box, drawn
from homeport.engine import state as older
from homeport.parameters import Parameter

if TYPE_CHECKING:
    from homeport.engine.graph import Node
    from homeport.flows import Flow


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn flow. A notebook shows it by itself; `save` writes it, `view` opens it, `svg` is its text."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    horizontal: bool = False

    @property
    def svg(self) -> str:
        """The text of an SVG file."""
        return drawn(self.title, self.boxes, self.arrows, horizontal=self.horizontal)

    @property
    def source(self) -> str:
        """The graph in graphviz's language."""
        return graphviz.dot_source(self.title, self.boxes, self.arrows, horizontal=self.horizontal)

    def save(self, filename: str | Path, format: str | None = None) -> Path:
        """Write it to a file; the format is that of its ending (`.svg` is added where it has none).

        SVG needs no other program; for other formats raises GraphvizMissing where graphviz is not installed.
        """
        path = Path(filename)
        if format is None:
            path, format = (path, path.suffix[1:]) if path.suffix else (path.with_suffix(".svg"), "svg")
        elif path.suffix != f".{format}":
            path = path.with_name(f"{path.name}.{format}")
        data = self.svg.encode() if format.lower() == "svg" else graphviz.rendered(self.source, format.lower())
        path.write_bytes(data)
        return path

    def view(self) -> Path:
        """Write it to a temporary file and open that in a browser; the file."""
        with tempfile.NamedTemporaryFile(prefix="homeport-", suffix=".svg", delete=False) as file:
            file.write(self.svg.encode())
        webbrowser.open(Path(file.name).as_uri())
        return Path(file.name)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Picture of flow {self.title!r}: {len(self.boxes)} tasks, {len(self.arrows)} edges>"


def picture_of(flow: Flow, flow_state: Any = None, *, horizontal: bool = False) -> Picture:
    """The picture of a graph flow; with the state of a run, how its tasks ended."""
    states = getattr(flow_state, "data", None) if flow_state is not None else None
    if flow_state is not None and not isinstance(states, dict):
        raise TypeError("flow_state is what flow.run() of a graph flow returned; this state has no states of tasks.")
    nodes = flow.nodes.in_order()
    keys = flow.slugs
    boxes = tuple(_box(node, (states or {}).get(node.task)) for node in nodes)
    order = {node.task: number for number, node in enumerate(nodes)}
    edges = sorted(
        flow.edges, key=lambda edge: (order[edge.downstream_task], order[edge.upstream_task], edge.key or "")
    )
    arrows = tuple(Arrow(keys[edge.upstream_task], keys[edge.downstream_task], edge.key or "") for edge in edges)
    return Picture(flow.name, boxes, arrows, horizontal)


def show(picture: Picture) -> None:
    """What `flow.visualize()` does besides returning: on a desktop, in a script that runs on a terminal, open it."""
    has_desktop = sys.platform in ("darwin", "win32") or _display()
    if has_desktop and sys.stdout.isatty() and "ipykernel" not in sys.modules:
        picture.view()


def _display() -> bool:
    import os

    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _box(node: Node, state: Any) -> Box:
    is_parameter = isinstance(node.task, Parameter)
    label = node.task.name if len(node.task.name) <= 40 else f"{node.task.name[:39]}…"
    if state is None:
        return Box(node.key, label, mapped=node.mapped, parameter=is_parameter)
    found = older.of(state)
    name = type(found).__name__
    kinds = Counter(type(older.of(child)).__name__ for child in found.map_states)
    note = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) if node.mapped and kinds else name
    return Box(node.key, label, note, name, node.mapped, is_parameter)
