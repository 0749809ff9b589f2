"""Take one of two ways through a graph by the result of a task, and go on with whichever was taken."""

from homeport import Flow, Parameter, case, merge, task


@task
def kind_of(amount):
    return "large" if amount >= 1_000 else "small"


@task
def approve(amount):
    return f"{amount} approved by the manager"


@task
def pay(amount):
    return f"{amount} paid at once"


@task(log_stdout=True)
def tell(outcome):
    print("outcome:", outcome)


with Flow("branches") as flow:
    amount = Parameter("amount", default=1_200)
    kind = kind_of(amount)
    with case(kind, "large"):
        approved = approve(amount)
    with case(kind, "small"):
        paid = pay(amount)
    tell(merge(approved, paid))

if __name__ == "__main__":
    flow.run()
    flow.run(amount=20)
