"""Schedules, their clocks, filters and adjustments."""

from datetime import datetime, time, timedelta
from typing import Any, assert_type

from homeport import Flow
from homeport.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule, adjustments, clocks, filters

assert_type(CronSchedule("0 9 * * 1-5", timezone="Europe/Berlin"), Schedule)
assert_type(IntervalSchedule(interval=timedelta(hours=1)), Schedule)
assert_type(IntervalSchedule(timedelta(hours=1)), Schedule)
assert_type(RRuleSchedule("FREQ=MONTHLY;BYDAY=-1FR"), Schedule)
CronSchedule(5)  # type: ignore[arg-type]

schedule = Schedule(
    clocks=[
        clocks.CronClock("0 9 * * *", parameter_defaults={"day": "today"}, labels=["etl"]),
        clocks.IntervalClock(timedelta(hours=1), start_date=datetime(2026, 1, 1)),
        clocks.RRuleClock("FREQ=DAILY"),
        clocks.DatesClock([datetime(2026, 1, 1)]),
    ],
    filters=[filters.is_weekday, filters.between_times(time(9), time(17))],
    or_filters=[filters.on_date(1, 1), lambda moment: moment.hour > 5],
    not_filters=[filters.between_dates(12, 24, 12, 31)],
    adjustments=[adjustments.next_weekday, adjustments.add(timedelta(minutes=5))],
)
assert_type(schedule.next(3), list[datetime])
assert_type(schedule.next(3, return_events=True), list[clocks.ClockEvent])
assert_type(schedule.next(3, return_events=True)[0].parameter_defaults, dict[str, Any])
assert_type(schedule.clocks, list[clocks.Clock])
assert_type(clocks.CronClock("0 9 * * *").cron, str)
assert_type(clocks.IntervalClock(60).interval, timedelta)
assert_type(filters.is_weekday(datetime(2026, 1, 1)), bool)
assert_type(Flow("etl", schedule=schedule).schedule, Schedule | None)
