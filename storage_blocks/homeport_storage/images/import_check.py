"""Whether a flow can be imported in its image: tried in a container without network, before the flow is registered."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import homeport
from homeport.code.errors import NotImportable
from homeport_storage.images.engine import Engine, Finished
from homeport_storage.images.inside import MARK

OLDEST_PYTHON = (3, 11)
SECONDS = 120.0


def check(engine: Engine, image: str, shown: str, folder: PurePosixPath, entrypoint: str) -> None:
    """Import the flow in a container of the image; raises NotImportable with the lines that failed and the mend."""
    asked = {"entrypoint": entrypoint, "folder": str(folder), "version": homeport.__version__, "oldest": OLDEST_PYTHON}
    program = Path(__file__).with_name("inside.py").read_text("utf-8")
    done = engine.run(image, ["python", "-c", program, json.dumps(asked)], directory=str(folder), seconds=SECONDS)
    found, answered = _answer(done)
    if not answered or found:
        raise NotImportable(f"the flow {entrypoint} cannot be imported in the image {shown}: {_why(found, done)}")


def _answer(done: Finished) -> tuple[dict[str, Any], bool]:
    for line in reversed(done.output.splitlines()):
        if line.startswith(MARK):
            return json.loads(line[len(MARK) :]) or {}, True
    return {}, False


def _why(found: dict[str, Any], done: Finished) -> str:
    problem = found.get("problem")
    if problem == "python":
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return f"it has Python {found['found']}, and Homeport needs {oldest} or later. Choose another base_image"
    if problem == "homeport":
        return (
            f"Homeport itself is not importable there ({found['found']}). Give homeport_version, or homeport_wheel "
            "where no package index has it"
        )
    if problem == "version":
        return (
            f"it has Homeport {found['found']}, and the flow is registered with {homeport.__version__}. Give "
            f"homeport_version={homeport.__version__!r}, or a base_image that has it"
        )
    if problem == "import":
        lines = "".join(f"\n    {line}" for line in found.get("lines") or ())
        missing = found.get("missing")
        mend = (
            f"Add what brings {missing.partition('.')[0]!r} to python_dependencies (or to your Dockerfile); if it is a "
            "file of yours, look into .homeportignore"
            if missing
            else "It is imported there without network and without the variables of this machine"
        )
        return f"{found['found']}{lines}\n    {mend}"
    if done.exit_code == 124:
        return f"after {SECONDS:.0f} s the import had not ended. Keep what takes long out of the module's top level"
    said = "".join(f"\n    {line}" for line in done.output.strip().splitlines()[-10:])
    return f"the container ended with exit code {done.exit_code}{said}\n    Does the image have a program `python`?"
