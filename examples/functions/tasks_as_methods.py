"""Tasks and flows as methods: of instances, of the class, and static ones."""

from homeport import flow, task


class Shop:
    def __init__(self, tax: float) -> None:
        self.tax = tax

    @task
    def gross(self, net: float) -> float:
        return round(net * (1 + self.tax), 2)

    @task
    @staticmethod
    def read(text: str) -> list[float]:
        return [float(part) for part in text.split()]

    @flow
    def invoice(self, text: str) -> float:
        return sum(self.gross.map(self.read(text)).result())

    @flow
    @classmethod
    def without_tax(cls, text: str) -> float:
        return cls(0.0).invoice(text)


if __name__ == "__main__":
    print("with tax", Shop(0.19).invoice("100 200"))
    print("without", Shop.without_tax("100 200"))
