"""A parameter that is a point in time, and a task whose arguments have defaults from its own attributes."""

from homeport import DateTimeParameter, Flow, Task
from homeport.utilities.tasks import defaults_from_attrs


class DaysUntil(Task):
    def __init__(self, until=None, **options):
        self.until = until
        super().__init__(**options)

    @defaults_from_attrs("until")
    def run(self, start, until=None):
        return (until - start).days


with Flow("dates") as flow:
    days = DaysUntil()(DateTimeParameter("start"), until=DateTimeParameter("until"))

if __name__ == "__main__":
    print(flow.run(start="2024-02-28T00:00:00Z", until="2024-03-01T00:00:00+00:00").result[days].result)
