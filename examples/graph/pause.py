"""Wait for a person before something happens that cannot be undone; without a terminal the run ends Paused."""

from homeport import Flow, pause_task, task
from homeport.triggers import manual_only


@task
def build():
    return "release 7"


@task
def check(release):
    pause_task(f"Has anybody looked at {release}?")
    return release


@task(trigger=manual_only)
def publish(release):
    print("published", release)


with Flow("pause") as flow:
    publish(check(build()))

if __name__ == "__main__":
    print(type(flow.run()).__name__)
