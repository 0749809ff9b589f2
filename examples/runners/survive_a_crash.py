"""A worker is killed in the middle of its task: that task is tried again in a new process, the others never notice."""

import os
import signal
import tempfile
from pathlib import Path

from homeport import flow, task
from homeport.task_runners import ProcessTaskRunner


@task(retries=1)
def render(page: int, folder: str) -> int:
    """Page 3 needs too much memory the first time, and the system kills its process."""
    first_time = Path(folder) / "tried"
    if page == 3 and not first_time.exists():
        first_time.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return page


@flow(task_runner=ProcessTaskRunner(max_workers=2))
def render_all(pages: int = 8) -> list[int]:
    """Render all pages."""
    with tempfile.TemporaryDirectory() as folder:
        rendered = render.map(range(pages), folder).result()
    print(f"rendered {rendered}")
    return rendered


render_all()
