"""The 1.x way to cache: for how long, and which inputs have to be the same."""

from datetime import timedelta

from homeport import Flow, Parameter, task
from homeport.engine.cache_validators import partial_inputs_only

RUNS = []


@task(cache_for=timedelta(hours=1), cache_validator=partial_inputs_only(validate_on=["city"]))
def weather(city, asked_by):
    RUNS.append(city)
    return f"fine in {city}"


with Flow("cache-for") as flow:
    weather(Parameter("city"), Parameter("asked_by"))

if __name__ == "__main__":
    flow.run(city="Bergen", asked_by="Ada")
    flow.run(city="Bergen", asked_by="Grace")
    flow.run(city="Oslo", asked_by="Ada")
    print(f"looked up: {', '.join(RUNS)}")
