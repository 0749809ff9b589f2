"""Storage kinds: where a customer keeps the code of the flows."""
