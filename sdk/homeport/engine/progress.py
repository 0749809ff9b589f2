"""The live table of a run on a terminal: one row for each task, the runs of a map folded into one bar (by rich)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from homeport.engine import prints

if TYPE_CHECKING:
    from homeport.engine.tallies import Tally

REDRAW_SECONDS = 0.25
SHARE = 0.01
"""Of the processor: a table of many rows is drawn less often, rather than slow down the run that it shows."""
LINES_SECONDS = 0.1
"""Lines that come faster than this are shown together: each time, the table below them is drawn anew."""
LEAVE_FREE = 8
"""Lines of the terminal that the table leaves to what scrolls by."""

_one = threading.Lock()


class Display:
    """The table, from its making until `close()`; lines that are shown meanwhile scroll by above it."""

    def __init__(self, tallies: dict[str, Tally], stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=stream)
        self._tallies = tallies
        self._partial = ""
        self._lines: list[Any] = []
        self._shown = 0.0
        self._showing = threading.RLock()
        self._closing = threading.Event()
        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            auto_refresh=False,
            redirect_stdout=False,  # standard output is ours already: prints.py knows whose line each one is
            redirect_stderr=False,
        )
        self._live.start(refresh=True)
        self._redrawer = threading.Thread(target=self._redraw, name="homeport-progress", daemon=True)
        self._redrawer.start()
        prints.show_by(self.printed)

    def line(self, line: str) -> None:
        """Show a line above the table."""
        with self._showing:
            self._lines.append(line)
            if time.monotonic() - self._shown >= LINES_SECONDS:
                self._show_lines()

    def printed(self, text: str) -> None:
        """Show what user code prints: whole lines, since the table is drawn below them."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self.line(line)

    def close(self) -> None:
        """Draw it a last time and let it stand."""
        prints.show_by(None)
        if self._partial:
            self.line(self._partial)
        self._closing.set()
        self._redrawer.join()
        with self._showing:
            self._show_lines()
        self._live.stop()
        _one.release()

    def _show_lines(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            self._console.print(*_renderables(lines), sep="\n", soft_wrap=True)
            self._shown = time.monotonic()

    def _redraw(self) -> None:
        pause = REDRAW_SECONDS
        while not self._closing.wait(pause):
            begun = time.thread_time()
            with self._showing:
                self._show_lines()
            self._live.refresh()
            pause = max(REDRAW_SECONDS, (time.thread_time() - begun) / SHARE)

    def _table(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        rows, left_out = _chosen(list(self._tallies.values()), self._console.height - LEAVE_FREE)
        for tally in rows:
            bar = ProgressBar(total=max(1, tally.total), completed=tally.ended, width=24)
            table.add_row(tally.name, bar, f"{tally.ended:,}/{tally.total:,}", tally.told())
        if left_out:
            table.add_row(f"... and {left_out} more tasks", "", "", "")
        return table


def display(tallies: dict[str, Tally], stream: TextIO) -> Display | None:
    """The table on this terminal; None where there is one already, or no rich to draw it."""
    if not _one.acquire(blocking=False):
        return None
    try:
        return Display(tallies, stream)
    except ImportError:
        _one.release()
        return None
    except BaseException:
        _one.release()
        raise


def coloured(line: str) -> str:
    """The line with a traceback in it as a terminal shows it best; the same where there is no rich."""
    try:
        from rich.console import Console
    except ImportError:
        return line
    console = Console(force_terminal=True)
    with console.capture() as capture:
        console.print(_pieces(line), soft_wrap=True)
    return capture.get().rstrip("\n")


class _Plain:
    """Lines as they are: rich would look at each of them, which costs more than everything else about it."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def __rich_console__(self, console: object, options: object) -> Iterator[Any]:
        from rich.control import strip_control_codes
        from rich.segment import Segment

        yield Segment(strip_control_codes("\n".join(self.lines)) + "\n")


def _renderables(lines: list[str]) -> list[Any]:
    """The lines for rich: tracebacks coloured, and what stands between them in one piece."""
    found: list[Any] = []
    for line in lines:
        if "\nTraceback (" in line:
            found.append(_pieces(line))
        elif found and isinstance(found[-1], _Plain):
            found[-1].lines.append(line)
        else:
            found.append(_Plain([line]))
    return found


def _pieces(line: str) -> Any:
    """Coloured as text, not from the exception: the text has its secrets masked and the engine's frames left out."""
    from rich.syntax import Syntax
    from rich.text import Text

    before, _, traceback = line.partition("\n")
    text: Text = Syntax(traceback, "pytb", theme="ansi_dark", background_color="default").highlight(traceback)
    text.rstrip()
    return Text(f"{before}\n").append_text(text)


def _chosen(tallies: list[Tally], room: int) -> tuple[list[Tally], int]:
    """The rows there is room for, in their order: first those that still go on, or failed; how many are left out."""
    if len(tallies) <= room:
        return tallies, 0
    busy: Iterable[Tally] = sorted(tallies, key=lambda one: one.ended == one.total and not one.failed)
    kept = set(list(busy)[: max(1, room - 1)])
    return [tally for tally in tallies if tally in kept], len(tallies) - len(kept)
