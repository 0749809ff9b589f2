"""Map over the result of a map, call by call, and make one list of lists in between."""

from homeport import Flow, Parameter, flatten, task, unmapped


@task
def pages(site):
    return [f"{site}/{number}" for number in range(1, 4)]


@task
def words(page, factor):
    return len(page) * factor


@task(log_stdout=True)
def report(counts):
    print(len(counts), "pages,", sum(counts), "words")


with Flow("nested maps") as flow:
    found = pages.map(Parameter("sites", default=["a.example", "bb.example"]))
    counts = words.map(flatten(found), unmapped(10))
    report(counts)

if __name__ == "__main__":
    flow.run()
