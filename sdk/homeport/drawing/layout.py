"""Where the boxes of a layered drawing go: rows from what waits for nothing to what is last, with few crossings.

The steps are those of Sugiyama: rows by the longest way to each node, empty places where an edge crosses a row, an
order within rows by barycentres, then places that are as near to those of the neighbours as the boxes allow.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Place = tuple[float, float]

SWEEPS = 12
BETWEEN_ROWS = 64.0
BETWEEN_BOXES = 28.0
THREAD = 14.0
"""How much room an edge takes that passes a row."""


@dataclass(eq=False, slots=True)
class _Cell(Generic[Key]):
    """A box, or (without a key) the place where an edge passes a row."""

    key: Key | None
    width: float
    row: int
    above: list[_Cell[Key]] = field(default_factory=list)
    below: list[_Cell[Key]] = field(default_factory=list)
    x: float = 0.0


@dataclass(frozen=True, slots=True)
class Layout(Generic[Key]):
    """The middle of each box, the way of each edge, and the size of the whole."""

    boxes: dict[Key, Place]
    ways: dict[tuple[Key, Key], list[Place]]
    width: float
    height: float


def layered(widths: Mapping[Key, float], edges: Iterable[tuple[Key, Key]], box_height: float) -> Layout[Key]:
    """The layout of boxes of these widths, ties broken by their order, and of edges, which form no circle."""
    pairs = list(dict.fromkeys(edges))
    rows_of = _rows(list(widths), pairs)
    cells = {key: _Cell(key, width, rows_of[key]) for key, width in widths.items()}
    rows: list[list[_Cell[Key]]] = [[] for _ in range(max(rows_of.values(), default=-1) + 1)]
    for cell in cells.values():
        rows[cell.row].append(cell)
    threads = {pair: _thread(cells[pair[0]], cells[pair[1]], rows) for pair in pairs}
    _order(rows)
    _place(rows)
    left = min((cell.x - cell.width / 2 for row in rows for cell in row), default=0.0)
    right = max((cell.x + cell.width / 2 for row in rows for cell in row), default=0.0)

    def at(cell: _Cell[Key]) -> Place:
        return cell.x - left, cell.row * (box_height + BETWEEN_ROWS) + box_height / 2

    return Layout(
        {key: at(cell) for key, cell in cells.items()},
        {pair: [at(cell) for cell in thread] for pair, thread in threads.items()},
        right - left,
        max(len(rows) * (box_height + BETWEEN_ROWS) - BETWEEN_ROWS, 0.0),
    )


def _rows(keys: list[Key], pairs: list[tuple[Key, Key]]) -> dict[Key, int]:
    after: dict[Key, list[Key]] = {key: [] for key in keys}
    waits = dict.fromkeys(keys, 0)
    for before, behind in pairs:
        after[before].append(behind)
        waits[behind] += 1
    rows = dict.fromkeys(keys, 0)
    free = [key for key in keys if not waits[key]]
    for key in free:  # grows while it is gone through
        for behind in after[key]:
            rows[behind] = max(rows[behind], rows[key] + 1)
            waits[behind] -= 1
            if not waits[behind]:
                free.append(behind)
    # What waits for nothing stands just above what waits for it, not at the top of a long drawing.
    for key in reversed(free):
        if rows[key] == 0 and after[key]:
            rows[key] = min(rows[behind] for behind in after[key]) - 1
    return rows


def _thread(start: _Cell[Key], end: _Cell[Key], rows: list[list[_Cell[Key]]]) -> list[_Cell[Key]]:
    way = [start]
    for row in range(start.row + 1, end.row):
        passing: _Cell[Key] = _Cell(None, THREAD, row)
        rows[row].append(passing)
        way.append(passing)
    way.append(end)
    for upper, lower in itertools.pairwise(way):
        upper.below.append(lower)
        lower.above.append(upper)
    return way


def _order(rows: list[list[_Cell[Key]]]) -> None:
    """Sort each row by the middle of its neighbours, down and up in turns; the best order that was seen stays."""
    best, fewest = [list(row) for row in rows], _crossings(rows)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        for row in rows[1:] if downwards else rows[-2::-1]:
            at = {id(cell): place for other in rows for place, cell in enumerate(other)}
            middles = {}
            for place, cell in enumerate(row):
                beside = cell.above if downwards else cell.below
                middles[id(cell)] = sum(at[id(one)] for one in beside) / len(beside) if beside else float(place)
            row.sort(key=lambda cell, middles=middles: middles[id(cell)])  # type: ignore[misc]
        found = _crossings(rows)
        if found < fewest:
            best, fewest = [list(row) for row in rows], found
    for row, kept in zip(rows, best, strict=True):
        row[:] = kept


def _crossings(rows: list[list[_Cell[Key]]]) -> int:
    found = 0
    for upper, lower in itertools.pairwise(rows):
        at = {id(cell): place for place, cell in enumerate(lower)}
        ends = [place for cell in upper for place in sorted(at[id(below)] for below in cell.below)]
        found += sum(1 for i, left in enumerate(ends) for right in ends[i + 1 :] if left > right)
    return found


def _place(rows: list[list[_Cell[Key]]]) -> None:
    for row in rows:
        x = 0.0
        for cell in row:
            cell.x = x + cell.width / 2
            x += cell.width + BETWEEN_BOXES
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            for cell in row:
                beside = [*cell.above, *cell.below] if sweep > 1 else cell.above if sweep % 2 == 0 else cell.below
                if beside:
                    cell.x = sum(one.x for one in beside) / len(beside)
            _spread(row)


def _spread(row: list[_Cell[Key]]) -> None:
    """Move boxes apart that are too near, half to each side, so that none is pushed far from where it wants to be."""
    wanted = [cell.x for cell in row]
    for left, right in itertools.pairwise(row):
        right.x = max(right.x, left.x + (left.width + right.width) / 2 + BETWEEN_BOXES)
    shift = sum(cell.x - want for cell, want in zip(row, wanted, strict=True)) / len(row) if row else 0.0
    for cell in row:
        cell.x -= shift
