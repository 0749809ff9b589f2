"""A cache key of your own: only the model and its version count, not how the call is to be logged."""

from homeport import flow, task

TRAINED: list[tuple[str, int]] = []


@task(cache_key_fn=lambda context, parameters: f"{context.task.name}-{parameters['model']}-{parameters['version']}")
def train(model: str, version: int, verbose: bool = False) -> dict[str, object]:
    TRAINED.append((model, version))
    return {"model": model, "version": version}


@flow(log_prints=True)
def key_by_version() -> int:
    train("trees", 1)
    train("trees", 1, verbose=True)
    train("trees", 2)
    train.with_options(refresh_cache=True)("trees", 2)
    print(f"trained {len(TRAINED)} times: {TRAINED}")
    return len(TRAINED)


if __name__ == "__main__":
    key_by_version()
