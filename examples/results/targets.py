"""The 1.x way: a task whose target is there already is not run, and the file is a plain one."""

import tempfile

from homeport import Flow, Parameter, task
from homeport.engine.results import LocalResult
from homeport.engine.serializers import JSONSerializer

RUNS = []
FOLDER = tempfile.mkdtemp(prefix="targets-")


@task(result=LocalResult(dir=FOLDER, serializer=JSONSerializer()), target="{task_name}/{parameters[day]}.json")
def report(day):
    RUNS.append(day)
    return {"day": day, "rows": 3}


with Flow("targets") as flow:
    day = Parameter("day", default="monday")
    made = report(day)

if __name__ == "__main__":
    for wanted in ("monday", "monday", "tuesday"):
        state = flow.run(day=wanted)
        print(f"{wanted}: {state.result[made].message or 'made'}")
    print(f"{len(RUNS)} runs of the task")
