"""Retries that wait longer each time, spread by jitter, and are made only after failures that are worth it."""

from homeport import flow, task
from homeport.tasks import exponential_backoff

ANSWERS = iter([ConnectionError("timed out"), ConnectionError("reset"), {"tea": 3.2}])


def worth_it(task, task_run, state):
    """Whether to try again: an outage passes, a wrong request does not."""
    return isinstance(state.data, ConnectionError)


@task(
    retries=5,
    retry_delay_seconds=exponential_backoff(backoff_factor=0.01),
    retry_jitter_factor=0.5,
    retry_condition_fn=worth_it,
)
def fetch_prices():
    answer = next(ANSWERS)
    if isinstance(answer, Exception):
        raise answer
    return answer


@flow(log_prints=True)
def prices():
    found = fetch_prices()
    print("tea costs", found["tea"])
    return found


if __name__ == "__main__":
    prices()
