"""Tables between tasks as Parquet instead of pickles, under names that say what they are."""

import tempfile
from pathlib import Path

import pandas as pd

from homeport import flow, task

FOLDER = Path(tempfile.mkdtemp(prefix="tables-"))


@task(result_storage=FOLDER, result_serializer="parquet", result_storage_key="sales/{parameters[day]}")
def sales(day: str) -> pd.DataFrame:
    return pd.DataFrame({"day": [day, day], "amount": [3.5, 4.5]})


@task(result_storage=FOLDER, result_serializer="json", result_storage_key="totals/{flow_run.flow_name}.json")
def total(table: pd.DataFrame) -> float:
    return float(table["amount"].sum())


@flow(log_prints=True)
def tables_as_parquet(day: str = "2026-01-02") -> float:
    amount = total(sales(day))
    kept = [folder for folder in ("sales", "totals") if any((FOLDER / folder).iterdir())]
    print(f"total {amount}, kept in {kept}")
    return amount


if __name__ == "__main__":
    tables_as_parquet()
