"""Lists as connections: edges with cursors, the nodes as a shortcut, and where the next page starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import strawberry

from homeport_control_plane.pages import Page

T = TypeVar("T")
R = TypeVar("R")


@strawberry.type
class PageInfo:
    """Whether there is more, and the cursor to pass as `after` for it."""

    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    nodes: list[T]
    page_info: PageInfo


def connection_of(page: Page[R], of: Callable[[R], T]) -> Connection[T]:
    """The page as a connection, each row made into its type by `of`."""
    nodes = [of(row) for row in page.nodes]
    return Connection(
        edges=[Edge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=PageInfo(has_next_page=page.has_next_page, end_cursor=page.end_cursor),
    )
