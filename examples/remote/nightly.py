"""A report on the nights before working days, in Berlin's time, with a larger one on the first of each month."""

from homeport import flow
from homeport.schedules import Schedule, filters
from homeport.schedules.clocks import CronClock

nights = Schedule(
    clocks=[
        CronClock("30 2 * * *", timezone="Europe/Berlin"),
        CronClock("0 3 1 * *", timezone="Europe/Berlin", parameter_defaults={"scope": "month"}),
    ],
    filters=[filters.is_weekday],
)


@flow(schedule=nights, log_prints=True)
def nightly(scope: str = "day") -> str:
    print(f"the report of the {scope}")
    return scope


if __name__ == "__main__":
    for moment in nights.next(5):
        print(moment)
