"""Parameters are converted to what the annotations say, and refused with a word on each that does not fit."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from homeport import flow
from homeport.engine.parameters import ParameterError


class Customer(BaseModel):
    name: str
    discount: Annotated[float, Field(ge=0, le=1)] = 0.0


@flow
def order(customer: Customer, day: date, speed: Literal["normal", "express"] = "normal") -> str:
    return f"{customer.name} ({customer.discount:.0%}), {day:%A}, {speed}"


if __name__ == "__main__":
    print(order({"name": "Ada", "discount": "0.25"}, "2026-01-05"))
    try:
        order.validate_parameters({"customer": {"discount": 3}, "day": "soon", "speed": "warp"})
    except ParameterError as error:
        print(*error.problems, sep="\n")
