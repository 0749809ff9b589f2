"""When flows run: schedules of cron expressions, intervals, RRULEs and dates, with filters and adjustments."""

from homeport.schedules import adjustments, clocks, filters
from homeport.schedules.schedule import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule

__all__ = ["CronSchedule", "IntervalSchedule", "RRuleSchedule", "Schedule", "adjustments", "clocks", "filters"]
