"""Choose one of many tasks by a value."""

from homeport import Flow, Parameter, merge, switch, task


@task
def weekday_report():
    return "the short report"


@task
def friday_report():
    return "the report of the week"


@task(log_stdout=True)
def send(report):
    print("sent", report)


with Flow("switch by weekday") as flow:
    day = Parameter("day", default="friday")
    reports = {"monday": weekday_report(), "friday": friday_report()}
    switch(day, reports)
    send(merge(*reports.values()))

if __name__ == "__main__":
    flow.run()
