"""A flow that asks a person, with typed input; here the answers are given by the program, as in a test."""

from homeport import flow, pause_flow_run, task
from homeport.input import RunInput
from homeport.testing import answering


class Order(RunInput):
    approved: bool
    note: str = ""


@task
def send(total: int, note: str) -> str:
    return f"sent for {total} ({note or 'no note'})"


@flow
def order(total: int):
    if total > 100:
        form = Order.with_initial_data(description=f"Order for {total}?")
        answer = pause_flow_run(wait_for_input=form, key="approve")
        if not answer.approved:
            return "not sent"
        return send(total, answer.note)
    return send(total, "")


if __name__ == "__main__":
    print(order(20))
    with answering({"approve": {"approved": True, "note": "go on"}}):
        print(order(500))
    with answering({"approve": {"approved": False}}):
        print(order(900))
