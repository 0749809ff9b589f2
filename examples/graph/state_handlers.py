"""Watch a task's changes of state, and put another state in the place of a failure that does no harm."""

from homeport import Flow, task
from homeport.engine.state import Failed, Success


def watch(task, old, new):
    print(f"{task.name}: {type(old).__name__} -> {type(new).__name__}")


def forgive(task, old, new):
    if isinstance(new, Failed) and "no such user" in new.message:
        return Success("there is no such user, and that is fine", result=None)
    return None


@task(state_handlers=[watch, forgive])
def remove_user(name):
    raise LookupError(f"no such user: {name}")


with Flow("state handlers") as flow:
    removed = remove_user("ada")

if __name__ == "__main__":
    print(flow.run().result[removed].message)
