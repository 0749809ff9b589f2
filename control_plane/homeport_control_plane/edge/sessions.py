"""Who is asking: tokens looked up once in a few seconds, and live work that ends when its key is revoked.

A revocation is announced on `keys:<tenant>`; every process then forgets the tenant's keys and looks again at each key
that has a poll or a socket open. The few seconds of memory are the net under a lost announcement.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from homeport_control_plane import keys
from homeport_control_plane.api.context import Services
from homeport_control_plane.authentication import Principal, authenticate
from homeport_control_plane.edge.login_limits import LoginLimits
from homeport_control_plane.edge.refusals import Refusal
from homeport_control_plane.errors import DatabaseUnavailable, Unauthenticated

log = logging.getLogger("homeport.sessions")

REMEMBERED_SECONDS: Final = 5.0
REMEMBERED_TOKENS: Final = 10_000
LOOK_AGAIN_SECONDS: Final = 30.0
TOKEN_LIMIT: Final = 300
FORGOTTEN: Final = 0.0
MEND: Final = "Log in with a key of this control plane: homeport auth login --key -"


@dataclass(slots=True)
class _Known:
    principal: Principal
    until: float


@dataclass(eq=False, slots=True)
class Live:
    """Work that goes on for a while in a key's name; `end` is called when the key is no longer good."""

    token: str
    end: Callable[[], None]


class Sessions:
    """The tokens this process has seen, and what is going on in their names."""

    def __init__(self, services: Services, limits: LoginLimits, clock: Callable[[], float]) -> None:
        self._services = services
        self._limits = limits
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._live: dict[UUID, set[Live]] = {}
        self._watchers: dict[UUID, asyncio.Task[None]] = {}
        self._looks: set[asyncio.Task[None]] = set()

    async def principal(self, token: str, address: str | None) -> Principal:
        """The holder of the token. Raises Refusal: 401, or 429 after too many failures."""
        known = self._known.get(token)
        now = self._clock()
        if known is not None and known.until > now:
            return known.principal
        key = self._parsed(token, address)
        self._limits.check(key=key, address=None if known else address)
        try:
            principal = await authenticate(self._services.db, token, timings=self._services.timings)
        except Unauthenticated as error:
            self._known.pop(token, None)
            self._limits.failed(key=key, address=address)
            log.info("refused key %s from %s: %s", key[:12], address, error.message)
            raise unauthenticated(error.message) from None
        self._remember(token, principal, now)
        return principal

    @contextlib.contextmanager
    def live(self, token: str, principal: Principal, end: Callable[[], None]) -> Iterator[None]:
        """While inside, `end` is called as soon as the token is no longer good."""
        work = Live(token, end)
        self._live.setdefault(principal.tenant_id, set()).add(work)
        self._watch(principal.tenant_id)
        known = self._known.get(token)
        if known is None or known.until == FORGOTTEN:
            # Revoked, perhaps, between its look-up and this moment.
            self._looks.add(look := asyncio.create_task(self._look_again(principal.tenant_id)))
            look.add_done_callback(self._looks.discard)
        try:
            yield
        finally:
            self._live[principal.tenant_id].discard(work)

    async def close(self) -> None:
        """Stops watching."""
        tasks = [*self._watchers.values(), *self._looks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=0.5)

    def _parsed(self, token: str, address: str | None) -> str:
        if len(token) <= TOKEN_LIMIT:
            with contextlib.suppress(Unauthenticated):
                return keys.parse(token).id
        self._limits.check(address=address)
        self._limits.failed(key=None, address=address)
        raise unauthenticated("The key is not one of this kind, or mistyped: its checksum does not fit.")

    def _remember(self, token: str, principal: Principal, now: float) -> None:
        self._known[token] = _Known(principal, now + REMEMBERED_SECONDS)
        self._known.move_to_end(token)
        if len(self._known) > REMEMBERED_TOKENS:
            self._known.popitem(last=False)
        self._watch(principal.tenant_id)

    def _watch(self, tenant_id: UUID) -> None:
        if tenant_id not in self._watchers:
            self._watchers[tenant_id] = asyncio.create_task(self._watch_keys(tenant_id), name=f"keys of {tenant_id}")

    async def _watch_keys(self, tenant_id: UUID) -> None:
        async with self._services.wakeups.waiter(f"keys:{tenant_id}") as waiter:
            while not self._services.wakeups.stopping:
                woken = await waiter.wait(LOOK_AGAIN_SECONDS)
                if woken:
                    self._forget(tenant_id)
                await self._look_again(tenant_id)

    def _forget(self, tenant_id: UUID) -> None:
        for known in self._known.values():
            if known.principal.tenant_id == tenant_id:
                known.until = FORGOTTEN

    async def _look_again(self, tenant_id: UUID) -> None:
        by_token: dict[str, list[Live]] = {}
        for work in self._live.get(tenant_id, ()):
            by_token.setdefault(work.token, []).append(work)
        for token, works in by_token.items():
            try:
                await authenticate(self._services.db, token, timings=self._services.timings)
            except Unauthenticated:
                self._known.pop(token, None)
                for work in works:
                    work.end()
            except DatabaseUnavailable:
                return
            except Exception:
                log.exception("looking at a live key again failed")


def bearer_token(headers: Mapping[str, str], query_string: bytes) -> str:
    """The token of a request. Raises Refusal: 401 without one, 400 for one in the address."""
    if b"hp_" in query_string or b"token=" in query_string or b"key=" in query_string:
        raise Refusal(
            400,
            "BAD_REQUEST",
            "A key in the address ends up in logs; it is not looked at there.",
            hint="Send it as a header (Authorization: Bearer ...), and revoke it if it was a real one.",
        )
    return token_in(headers.get("authorization", ""))


def token_in(authorization: str) -> str:
    """The token in the value of an Authorization header. Raises Refusal (401)."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthenticated("A key is needed: send the header Authorization: Bearer <key>.")
    return token.strip()


def unauthenticated(message: str) -> Refusal:
    """The refusal of whoever is not known."""
    return Refusal(401, "UNAUTHENTICATED", message, hint=MEND, headers={"WWW-Authenticate": "Bearer"})
