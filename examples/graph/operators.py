"""Calculate with the results of tasks while they are still unknown: each operator makes a task."""

from homeport import Flow, Parameter, task


@task(nout=2)
def span(numbers):
    return min(numbers), max(numbers)


with Flow("operators") as flow:
    numbers = Parameter("numbers", default=[3, 9, 5])
    least, most = span(numbers)
    middle = (least + most) / 2
    is_wide = (most - least > 5) & (middle >= 6)
    first = numbers[0]

if __name__ == "__main__":
    state = flow.run()
    print(state.result[middle].result, state.result[is_wide].result, state.result[first].result)
