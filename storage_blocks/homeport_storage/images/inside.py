"""Runs inside of an image, alone and as text (python -c): can this flow be imported here? Says so as one line of JSON.

It must be understood by Python 3.6, or it could not say that the image has one that is too old.
"""

import json
import sys
import traceback

MARK = "homeport-import-check "


def look(entrypoint: str, folder: str, version: str, oldest: tuple) -> "dict | None":  # type: ignore[type-arg]
    """What stands in the way, as a dict; None when nothing does."""
    if sys.version_info[:2] < oldest:
        return {"problem": "python", "found": ".".join(str(part) for part in sys.version_info[:3])}
    try:
        import homeport
    except ImportError as error:
        return {"problem": "homeport", "found": str(error)}
    if homeport.__version__.split(".")[:2] != version.split(".")[:2]:
        return {"problem": "version", "found": homeport.__version__}
    from pathlib import Path

    from homeport.engine.loading import load_flow

    try:
        load_flow(entrypoint, Path(folder))
    except BaseException as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folder)]
        return {
            "problem": "import",
            "found": f"{type(error).__name__}: {error}",
            "missing": error.name if isinstance(error, ModuleNotFoundError) else None,
            "lines": [f"{x.filename[len(folder) + 1 :]}, line {x.lineno}: {x.line}" for x in frames[-3:]],
        }
    return None


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    found = look(arguments["entrypoint"], arguments["folder"], arguments["version"], tuple(arguments["oldest"]))
    sys.stdout.write("\n" + MARK + json.dumps(found) + "\n")
