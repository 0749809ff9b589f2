"""Extract, transform, load, with parameters, a schedule and retries, as the tutorial of 1.x has it; run by hand."""

from datetime import timedelta

from homeport import Flow, Parameter, task
from homeport.schedules import IntervalSchedule

STORE: dict[str, list] = {"reference": [], "live": []}


@task
def extract_reference_data():
    return {"BWI": (39.18, -76.67), "IAD": (38.94, -77.46)}


@task(max_retries=3, retry_delay=timedelta(seconds=1))
def extract_live_data(airport, radius, reference):
    latitude, longitude = reference[airport]
    return [{"icao": f"a{number}", "at": (latitude, longitude), "within": radius} for number in range(3)]


@task
def transform(live, reference):
    return [f"{plane['icao']} near {name}" for plane in live for name, at in reference.items() if plane["at"] == at]


@task
def load_reference_data(reference):
    STORE["reference"].append(reference)


@task(log_stdout=True)
def load_live_data(planes):
    STORE["live"] += planes
    print(f"{len(planes)} planes, {planes[0]}")


with Flow("aircraft", schedule=IntervalSchedule(interval=timedelta(minutes=1))) as flow:
    airport = Parameter("airport", default="BWI")
    radius = Parameter("radius", default=200)
    reference = extract_reference_data()
    live = extract_live_data(airport, radius, reference)
    planes = transform(live, reference)
    load_reference_data(reference)
    load_live_data(planes)

if __name__ == "__main__":
    flow.run(run_on_schedule=False)
    state = flow.run(airport="IAD", radius=10, run_on_schedule=False)
    print("loaded", len(STORE["live"]), state.result[planes].result[-1])
