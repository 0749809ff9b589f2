"""Draw a flow as SVG, with the colours of how its tasks ended, and describe it as JSON."""

import json
import os
import tempfile
from pathlib import Path

from homeport import Flow, Parameter, task


@task
def extract(day):
    return [1, 2, 0]


@task
def invert(number):
    return 1 / number


@task
def load(numbers):
    return len(numbers)


with Flow("picture") as flow:
    rows = extract(Parameter("day", default="monday"))
    load(invert.map(rows))

if __name__ == "__main__":
    folder = Path(os.environ.get("PICTURE_OUTPUT", tempfile.gettempdir()))
    flow.visualize(flow_state=flow.run(), filename=folder / "picture.svg")
    print("drawn:", (folder / "picture.svg").stat().st_size > 1_000)
    print(json.dumps([task["slug"] for task in flow.serialize()["tasks"]]))
