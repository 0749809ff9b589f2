"""Run one task if there is something new, and another if not."""

from homeport import Flow, Parameter, ifelse, task


@task
def new_files(count):
    return [f"file-{number}.csv" for number in range(count)]


@task(log_stdout=True)
def load():
    print("loading")


@task(log_stdout=True)
def nothing_to_do():
    print("nothing new")


with Flow("if else") as flow:
    ifelse(new_files(Parameter("count", default=0)), load(), nothing_to_do())

if __name__ == "__main__":
    flow.run()
    flow.run(count=2)
