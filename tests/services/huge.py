"""Values of many gigabytes that cost nothing, and how much memory a process has had."""

import mmap
import os
import re
import resource
from pathlib import Path
from pickle import PickleBuffer

GIBIBYTE = 1 << 30
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Huge:
    """So many bytes, pickled. They are those of a file with nothing in it, which takes neither disk nor memory."""

    def __init__(self, folder: str, gibibytes: int) -> None:
        path = Path(folder) / f"huge-{os.getpid()}"
        with path.open("w+b") as file:
            file.truncate(gibibytes * GIBIBYTE)
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __reduce_ex__(self, protocol: object) -> object:
        return bytes, (PickleBuffer(self._bytes),)


def peak_of_memory() -> int:
    """The most bytes of memory that this process has had at once."""
    if not STATUS.exists():  # macOS
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    assert found is not None
    return 1024 * int(found[1])


def forget_peak() -> None:
    """Count from now on, where the system can."""
    if CLEAR.exists():
        CLEAR.write_text("5")
