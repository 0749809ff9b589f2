"""A result that another program reads back: the state has a reference, and the reference is all it takes."""

from typing import Any

from homeport import flow, task
from homeport.results import read_result


@task(persist_result=True, result_serializer="json")
def answer(question: str) -> dict[str, object]:
    return {"question": question, "answer": 42}


@flow
def read_back() -> dict[str, Any] | None:
    return answer("of everything", return_state=True).result_reference


if __name__ == "__main__":
    reference = read_back()
    assert reference is not None
    print(f"{reference['size']} bytes of {reference['serializer']}, sha256 {reference['sha256'][:8]}...")
    print(read_result(reference))
