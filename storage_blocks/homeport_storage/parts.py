"""Bytes on their way to an object store: regrouped into parts of one size, and sent two at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

MIB = 1024 * 1024
T = TypeVar("T")


def beginning(chunks: Iterable[bytes], limit: int) -> tuple[list[bytes], Iterator[bytes] | None]:
    """All chunks and None where they are fewer bytes than `limit`; else the first of them and the rest."""
    held: list[bytes] = []
    length = 0
    rest = iter(chunks)
    for chunk in rest:
        held.append(chunk)
        length += len(chunk)
        if length >= limit:
            return held, rest
    return held, None


def then(first: list[bytes], rest: Iterable[bytes]) -> Iterator[bytes]:
    """The first chunks, of which none is held any longer than needed, then the rest."""
    while first:
        yield first.pop(0)
    yield from rest


def parts_of(chunks: Iterable[bytes], size: int, grow_after: int | None = None) -> Iterator[bytes]:
    """The same bytes in parts of `size`; the last may be smaller. Without any bytes there is no part.

    After each `grow_after` parts the size is doubled.
    """
    held: list[bytes] = []
    length = made = 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while length + len(rest) >= size:
            taken = size - length
            yield b"".join((*held, rest[:taken]))
            held, length, rest = [], 0, rest[taken:]
            made += 1
            if grow_after and made % grow_after == 0:
                size *= 2
        if rest:
            held.append(bytes(rest))
            length += len(rest)
    if held:
        yield b"".join(held)


def send_parts(parts: Iterable[bytes], send: Callable[[int, bytes], T]) -> list[T]:
    """Call `send(number, part)` for each, counted from one; what it returned, in order.

    Two parts are under way while the next is read: that keeps a line busy and the memory small. When a call or the
    reading fails, what is under way ends before the exception leaves.
    """
    sent: list[Future[T]] = []
    with ThreadPoolExecutor(2, "homeport-parts") as pool:
        for number, part in enumerate(parts, 1):
            if number > 2:
                sent[number - 3].result()
            sent.append(pool.submit(send, number, part))
            del part
        return [future.result() for future in sent]
