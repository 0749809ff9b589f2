"""A flow and its tests, which need no control plane: run this file, or give it to pytest."""

from homeport import flow, task
from homeport.client import Secret
from homeport.testing import assert_completed, assert_failed, homeport_test_harness, try_run


@task(retries=1)
def rate(currency: str) -> float:
    return {"EUR": 1.0, "USD": 1.1}[currency]


@flow
def convert(amount: float, currency: str = "USD") -> float:
    Secret("RATES_TOKEN").get()
    return amount * rate(currency)


def test_an_amount_is_converted():
    with homeport_test_harness(secrets={"RATES_TOKEN": "for tests only"}) as harness:
        assert convert("10") == 11
        assert harness.last.states_of("rate-0") == ["Running", "Completed"]


def test_an_unknown_currency_fails_after_one_retry():
    with homeport_test_harness(secrets={"RATES_TOKEN": "for tests only"}):
        tried = try_run(convert, amount=1, currency="XXX")

    assert_failed(tried, match="KeyError: 'XXX'")
    assert tried.states_of("rate") == ["Running", "AwaitingRetry", "Retrying", "Failed"]


def test_a_task_is_a_plain_function_outside_a_flow():
    assert rate("EUR") == 1.0


if __name__ == "__main__":
    test_an_amount_is_converted()
    test_an_unknown_currency_fails_after_one_retry()
    test_a_task_is_a_plain_function_outside_a_flow()
    with homeport_test_harness(secrets={"RATES_TOKEN": "x"}):
        print("converted", assert_completed(try_run(convert, amount=20)))
