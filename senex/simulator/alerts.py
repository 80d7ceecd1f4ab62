"""Account alerts: every client is told of every change of the accounts it connected.

What waits for a slow client is bounded: one that lags by more than
``OUTBOX`` messages is disconnected, as it would have to read everything anew.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

from aiohttp import WSMsgType

from senex.simulator import wire, wireorders
from senex.simulator.faults.streams import broken, padded
from senex.simulator.gains import underlying_gains
from senex.simulator.quotealerts import QuoteAlerts
from senex.simulator.rendering import balance_json, complex_json, position_json, trading_status_json
from senex.simulator.watchlists import public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from aiohttp import web

    from senex.simulator.exchange import Changed, Exchange
    from senex.simulator.faults.catalogue import Rule
    from senex.simulator.faults.hub import Faults
    from senex.simulator.tokens import Tokens

OUTBOX = 5_000
_numbers = count(1)
_SUBSCRIPTIONS = {"public-watchlists-subscribe": "PublicWatchlists", "quote-alerts-subscribe": "QuoteAlert"}
"""Actions after which alerts come that belong to no account."""


@dataclass(eq=False, slots=True)
class Client:
    """One connected client, what it asked for, and what it is yet to be sent."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    accounts: set[str] = field(default_factory=set)
    subscriptions: set[str] = field(default_factory=set)
    outbox: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(OUTBOX))
    session: str = field(default_factory=lambda: f"{next(_numbers):08x}")

    def offer(self, text: bytes) -> None:
        """Queue a message; a client with too many is cut."""
        try:
            self.outbox.put_nowait(text)
        except asyncio.QueueFull:
            if self.transport is not None:
                self.transport.abort()

    async def send(self, faults: Faults) -> None:
        """Send what is queued, for as long as the client is there."""
        while True:
            text = await self.outbox.get()
            await faults.alerts.open_gate()
            await self.socket.send_frame(text, WSMsgType.TEXT)
            self.outbox.task_done()


@dataclass(frozen=True, slots=True)
class Held:
    """A message that is sent later: when the market reaches an instant, or (None) after the next message.

    ``behind`` is the type that next message must have; None is any.
    """

    text: bytes
    clients: tuple[Client, ...]
    until: datetime | None
    behind: str | None = None


class Alerts:
    """All alert clients. A slow client delays nobody else."""

    def __init__(self, exchange: Exchange, tokens: Tokens, faults: Faults) -> None:
        self._exchange = exchange
        self._tokens = tokens
        self._faults = faults
        self._held: list[Held] = []
        self._statuses: dict[str, wire.Json] = {}
        self._listed: tuple[date, list[wire.Json]] = (exchange.day(), [])
        self.quote_alerts = QuoteAlerts(exchange)
        self.clients: set[Client] = set()

    def changed(self, change: Changed) -> None:
        """Queue the alerts of a change, in the order of the changes."""
        if any(change.account in client.accounts for client in self.clients):
            for kind, body in self._messages(change):
                self.push(kind, body, account=change.account)

    def push(self, kind: str, body: wire.Json, *, account: str | None = None) -> None:
        """Queue an alert for the clients that follow its account, or subscribed to its type."""
        clients = tuple(
            client
            for client in self.clients
            if (kind in client.subscriptions if account is None else account in client.accounts)
        )
        stamp = int(self._exchange.now().timestamp() * 1000)
        rule = self._faults.alerts.alert(kind) if clients else None
        if rule is not None and rule.mode == "invalid":
            body = {name: value for name, value in body.items() if name == "account-number"}
        text = wire.dumps({"type": kind, "data": body, "timestamp": stamp})
        self._deliver(kind, text, clients, rule)

    def tick(self) -> None:
        """The market moved: late alerts are due, quote alerts and new public lists may be."""
        instant = self._exchange.market.instant(self._exchange.board.tick)
        self._release(lambda held: held.until is not None and held.until <= instant)
        for body in self.quote_alerts.triggered():
            self.push("QuoteAlert", body)
        if any("PublicWatchlists" in client.subscriptions for client in self.clients):
            for body in self._new_lists():
                self.push("PublicWatchlists", body)

    def answer(self, client: Client, body: wire.Json) -> None:
        """Queue the answer to a client's action; every action carries its own token."""
        action = body.get("action")
        status: wire.Json = {"status": "ok"}
        token = str(body.get("auth-token", "")).removeprefix("Bearer ")
        if not self._tokens.good("access", token):
            status = {"status": "error", "message": "failed: invalid token"}
        elif action == "connect":
            status = self._connect(client, body.get("value"))
        elif action != "heartbeat" and not client.accounts:
            status = {"status": "error", "message": "connect-not-completed"}
        elif isinstance(action, str) and action in _SUBSCRIPTIONS:
            client.subscriptions.add(_SUBSCRIPTIONS[action])
        elif action != "heartbeat":
            status = {"status": "error", "message": f"unknown action {action}"}
        client.offer(
            wire.dumps(
                {
                    "action": action,
                    "request-id": body.get("request-id", 0),
                    "web-socket-session-id": client.session,
                    **status,
                }
            )
        )

    async def sent(self) -> None:
        """Return once every client has been sent what is queued for it."""
        for client in list(self.clients):
            await client.outbox.join()

    async def close(self) -> None:
        """Close every connection."""
        for client in list(self.clients):
            await client.socket.close()

    def abort(self) -> None:
        """Cut every connection without a goodbye."""
        for client in list(self.clients):
            if client.transport is not None:
                client.transport.abort()

    def _messages(self, change: Changed) -> Iterator[tuple[str, wire.Json]]:
        exchange, account = self._exchange, change.account
        if change.order is not None:
            yield "Order", wireorders.order(change.order)
        if change.complex_order is not None:
            yield "ComplexOrder", complex_json(exchange, change.complex_order)
        for symbol in change.moved:
            holding = exchange.books.holdings[account][symbol]
            yield "CurrentPosition", position_json(exchange, account, holding, marks=False)
        if change.moved or change.money:
            yield "AccountBalance", balance_json(exchange, account)
        for body in underlying_gains(exchange.books, account, change.moved, exchange.day()):
            yield "UnderlyingYearGainSummary", body

        if change.moved or change.money:
            status, before = trading_status_json(exchange, account), self._statuses.get(account)
            self._statuses[account] = status
            if before is not None and status != before:
                yield "TradingStatus", status

    def _new_lists(self) -> list[wire.Json]:
        """The public lists that differ from yesterday's."""
        day, before = self._listed
        today = self._exchange.day()
        if before and today == day:
            return []
        lists = public(self._exchange)
        self._listed = (today, lists)
        return [one for one in lists if one not in before] if before else []

    def _deliver(self, kind: str, text: bytes, clients: tuple[Client, ...], rule: Rule | None) -> None:
        mode = None if rule is None else rule.mode
        if rule is not None and mode in {"late", "reorder"}:
            until = None
            if mode == "late":
                until = self._exchange.now() + timedelta(
                    seconds=1.0 if rule.seconds is None else rule.seconds
                )
            self._held.append(Held(text, clients, until, rule.type))
            return
        if mode in {"oversize", "invalid-json"}:
            text = padded(text) if mode == "oversize" else broken(text)
        for client in clients:
            for _ in range({"missing": 0, "duplicate": 2}.get(mode or "", 1)):
                client.offer(text)
        self._release(lambda held: held.until is None and held.behind in (None, kind))

    def _release(self, due: Callable[[Held], bool]) -> None:
        released = [held for held in self._held if due(held)]
        self._held = [held for held in self._held if held not in released]
        for one in released:
            for client in one.clients:
                client.offer(one.text)

    def _connect(self, client: Client, wanted: object) -> wire.Json:
        names = {str(name) for name in wanted} if isinstance(wanted, list) else set()
        unknown = names - set(self._exchange.books.accounts)
        if unknown:
            return {"status": "error", "message": f"unknown account {min(unknown)}"}
        client.accounts |= names
        for name in names:
            self._statuses.setdefault(name, trading_status_json(self._exchange, name))
        return {"status": "ok", "value": sorted(names)}
