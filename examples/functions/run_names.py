"""Names of runs, made of their parameters, so that a list of runs can be read."""

from datetime import date

from homeport import context, flow, task


@task(task_run_name="{region}: {day:%d %B}")
def report(region: str, day: date) -> str:
    return context.task_run_name


@flow(flow_run_name="reports of {day:%A}")
def reports(day: date = date(2026, 1, 5)):
    names = report.map(["north", "south"], day=day).result()
    print(context.flow_run_name, *names, sep=" | ")
    return names


if __name__ == "__main__":
    reports()
