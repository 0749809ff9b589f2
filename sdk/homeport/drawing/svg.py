"""A graph as SVG: boxes with readable text, doubled for mapped tasks, coloured by how their runs ended."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from homeport.drawing.layout import BETWEEN_ROWS, Place, layered

MARGIN = 24.0
HEIGHT = 44.0
LETTER = 7.4
"""The width of a letter of the text in boxes, on average; a little much, so that text stays inside."""

PLAIN = ("#f4f6f8", "#51606e")
COLOURS = {
    "Success": ("#d9f2e0", "#1f7a3d"),
    "Mapped": ("#d9f2e0", "#1f7a3d"),
    "Cached": ("#d5eef0", "#16697a"),
    "Skipped": ("#e8eef0", "#7b8a93"),
    "Failed": ("#fbdcd9", "#b3261e"),
    "ValidationFailed": ("#fbdcd9", "#b3261e"),
    "TimedOut": ("#fbdcd9", "#b3261e"),
    "TriggerFailed": ("#fdeacc", "#a85c00"),
    "Crashed": ("#f6d5e5", "#99154b"),
    "Cancelled": ("#eadff5", "#6a3d9a"),
    "Paused": ("#fff6c2", "#8a6d00"),
    "Pending": ("#ffffff", "#9aa5ad"),
    "Scheduled": ("#ffffff", "#9aa5ad"),
    "Running": ("#d8e6fb", "#1a56a8"),
}
"""What each state looks like: the colour of the box, and that of its border."""


@dataclass(frozen=True, slots=True)
class Box:
    """A task in a picture."""

    key: str
    label: str
    note: str = ""
    state: str = ""
    mapped: bool = False
    parameter: bool = False

    @property
    def width(self) -> float:
        """How wide it has to be for its text."""
        return max(64.0, LETTER * max(len(self.label), 0.86 * len(self.note)) + 28)

    @property
    def colours(self) -> tuple[str, str]:
        """Of the box and its border."""
        return COLOURS.get(self.state, PLAIN)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One task before another, and which argument its result becomes."""

    start: str
    end: str
    label: str = ""


def drawn(title: str, boxes: Sequence[Box], arrows: Sequence[Arrow], *, horizontal: bool = False) -> str:
    """The picture as the text of an SVG file; from top to bottom, or from left to right."""
    sizes = {box.key: HEIGHT if horizontal else box.width for box in boxes}
    depth = max((box.width for box in boxes), default=0.0) if horizontal else HEIGHT
    layout = layered(sizes, [(arrow.start, arrow.end) for arrow in arrows], depth)
    width, height = (layout.height, layout.width) if horizontal else (layout.width, layout.height)

    def turned(place: Place) -> Place:
        x, y = (place[1], place[0]) if horizontal else place
        return x + MARGIN, y + MARGIN

    labels: dict[tuple[str, str], list[str]] = {}
    for arrow in arrows:
        labels.setdefault((arrow.start, arrow.end), []).append(arrow.label)
    by_key = {box.key: box for box in boxes}
    parts = []
    for (start, end), found in labels.items():
        way = [turned(place) for place in layout.ways[start, end]]
        half = [(one.width / 2, 0.0) if horizontal else (0.0, HEIGHT / 2) for one in (by_key[start], by_key[end])]
        way[0] = (way[0][0] + half[0][0], way[0][1] + half[0][1])
        way[-1] = (way[-1][0] - half[1][0], way[-1][1] - half[1][1] - (0 if horizontal else 1))
        parts.append(_arrow(way, ", ".join(filter(None, found)), horizontal))
    parts += [_box(box, *turned(layout.boxes[box.key])) for box in boxes]
    total_width, total_height = width + 2 * MARGIN, height + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width:.0f}" height="{total_height:.0f}" '
        f'viewBox="0 0 {total_width:.0f} {total_height:.0f}" role="img" aria-label={quoteattr(title)} '
        f'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif" font-size="13">\n'
        f"<title>{escape(title)}</title>\n"
        '<defs><marker id="end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 1 L9 5 L0 9 z" fill="#7b8a93"/></marker></defs>\n'
        '<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _box(box: Box, x: float, y: float) -> str:
    fill, line = box.colours
    left, top, round_ = x - box.width / 2, y - HEIGHT / 2, HEIGHT / 2 if box.parameter else 8
    shape = (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{HEIGHT:.1f}" rx="{round_:.0f}" '
        f'fill="{fill}" stroke="{line}" stroke-width="1.4"/>'
    )
    if box.mapped:
        shape += (
            f'<rect x="{left + 3.5:.1f}" y="{top + 3.5:.1f}" width="{box.width - 7:.1f}" height="{HEIGHT - 7:.1f}" '
            f'rx="{max(round_ - 3, 3):.0f}" fill="none" stroke="{line}" stroke-width="1"/>'
        )
    rise = 4.5 if not box.note else -2.0
    text = f'<text x="{x:.1f}" y="{y + rise:.1f}" text-anchor="middle" fill="#1c2730">{escape(box.label)}</text>'
    if box.note:
        text += (
            f'<text x="{x:.1f}" y="{y + 13:.1f}" text-anchor="middle" font-size="11" fill="{line}">'
            f"{escape(box.note)}</text>"
        )
    told = f"{box.key}{f': {box.note or box.state}' if box.state else ''}"
    return f"<g><title>{escape(told)}</title>{shape}{text}</g>"


def _arrow(way: list[Place], label: str, horizontal: bool) -> str:
    bend = BETWEEN_ROWS * 0.45
    path = f"M{way[0][0]:.1f} {way[0][1]:.1f}"
    for (x1, y1), (x2, y2) in itertools.pairwise(way):
        controls = (x1 + bend, y1, x2 - bend, y2) if horizontal else (x1, y1 + bend, x2, y2 - bend)
        path += " C" + " ".join(f"{number:.1f}" for number in (*controls, x2, y2))
    drawn_path = f'<path d="{path}" fill="none" stroke="#9aa5ad" stroke-width="1.3" marker-end="url(#end)"/>'
    if not label:
        return drawn_path
    # Near the end, where edges of different tasks have parted.
    (x1, y1), (x2, y2) = way[-2], way[-1]
    x, y = x1 + (x2 - x1) * 0.62, y1 + (y2 - y1) * 0.62
    return drawn_path + (
        f'<text x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle" font-size="10.5" fill="#51606e" stroke="#ffffff" '
        f'stroke-width="3" paint-order="stroke">{escape(label)}</text>'
    )
