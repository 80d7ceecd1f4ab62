"""The ``Broker`` port on the tastytrade SDK.

Reads are tried again after a pause; an order is POSTed once, whatever happens
(RELIABILITY 4, 5).
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from tastytrade import Account
from tastytrade.instruments import NestedOptionChain, Option
from tastytrade.market_data import get_market_data_by_type
from tastytrade.metrics import get_market_metrics

from senex.broker import mapping
from senex.broker.candles import fetch_daily
from senex.broker.errors import WIRE_ERRORS, translate
from senex.broker.marks import read_mark, write_mark
from senex.broker.recorder import hand_over, logged_call, record_nothing
from senex.broker.session import open_session
from senex.broker.submission import DEADLINE, sdk_account, send_once
from senex.domain.errors import Refused, SenexError, Unavailable, UsageProblem
from senex.domain.exits import Dividend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import date, datetime, timedelta
    from uuid import UUID

    from tastytrade.market_data import MarketData
    from tastytrade.order import PlacedOrder

    from senex.broker.recorder import Recorder
    from senex.broker.session import BrokerAccess, BrokerSession, LoginPause
    from senex.domain.chain import Activity, Candle, Metrics, OptionChain
    from senex.domain.ledger import LedgerEntry
    from senex.ports.broker import (
        AccountFacts,
        Balances,
        BrokerOrder,
        DryRun,
        Holding,
        RawMessage,
        Submission,
        Ticket,
    )
    from senex.ports.clock import Clock

Answer = TypeVar("Answer")

_PAUSES = (0.25, 1.0)
"""Seconds before the second and the third try of a read."""
_LATER = 0.1
"""Seconds for which a record that nobody waits for stands back behind the order that comes next."""
_AGAIN = frozenset({"E_BROKER_AWAY", "E_BROKER_BUSY"})
_PARALLEL = 4
_AT_ONCE = 100
"""Symbols the broker tells the market data of in one call."""


class Gateway:
    """One login's broker. Calls may run at the same time."""

    def __init__(
        self, session: BrokerSession, *, clock: Clock, recorder: Recorder, deadline: float = DEADLINE
    ) -> None:
        self._session = session
        self._clock = clock
        self._recorder = recorder
        self._deadline = deadline
        self._records: set[asyncio.Task[None]] = set()

    async def accounts(self) -> tuple[AccountFacts, ...]:
        """Every account of the login, closed ones too, with its trading status."""

        async def read() -> tuple[AccountFacts, ...]:
            listed = await Account.get(self._session, include_closed=True)
            return tuple(
                [
                    mapping.account_facts(account, await account.get_trading_status(self._session))
                    for account in listed
                ]
            )

        return await self._read("reading the accounts", read)

    async def clock_offset(self) -> timedelta:
        """By the Date header of an answer made for it, whatever else it says.

        Raises:
            Unavailable: ``E_BROKER_ANSWER`` without one.
        """
        skew = self._session.skew
        skew.forget()
        with suppress(SenexError):
            await self._read("comparing clocks", self._session.get_customer)
        if skew.newest is None:
            raise Unavailable(
                "E_BROKER_ANSWER", "The broker does not say what time it is there; it is asked again."
            )
        return skew.newest

    async def balances(self, number: str) -> Balances:
        """Current balances."""

        async def read() -> Balances:
            return mapping.balances(await sdk_account(number).get_balances(self._session))

        return await self._read("reading balances", read)

    async def holdings(self, number: str) -> tuple[Holding, ...]:
        """Open positions with marks."""

        async def read() -> tuple[Holding, ...]:
            account = sdk_account(number)
            told = await account.get_positions(self._session, include_marks=True)
            return tuple(mapping.holding(position) for position in told)

        return await self._read("reading positions", read)

    async def live_orders(self, number: str) -> tuple[BrokerOrder, ...]:
        """Everything created or updated today, any status."""

        async def read() -> tuple[BrokerOrder, ...]:
            return _orders(await sdk_account(number).get_live_orders(self._session))

        return await self._read("reading live orders", read)

    async def order_history(self, number: str, since: date) -> tuple[BrokerOrder, ...]:
        """All pages of orders since ``since``; the SDK alone would return the first fifty."""

        async def read() -> tuple[BrokerOrder, ...]:
            account = sdk_account(number)
            told = await account.get_order_history(
                self._session, per_page=200, page_offset=None, start_date=since, sort="Asc"
            )
            return _orders(told)

        return await self._read("reading the order history", read)

    async def transactions(self, number: str, since: date) -> tuple[LedgerEntry, ...]:
        """All pages and types of the ledger since ``since``, oldest first."""

        async def read() -> tuple[LedgerEntry, ...]:
            told = await sdk_account(number).get_history(
                self._session, per_page=250, page_offset=None, start_date=since, sort="Asc"
            )
            return tuple(sorted(map(mapping.ledger_entry, told), key=lambda one: one.executed_at))

        return await self._read("reading the transactions", read)

    async def order(self, number: str, order_id: str) -> BrokerOrder:
        """One order."""

        async def read() -> BrokerOrder:
            told = await sdk_account(number).get_order(self._session, _order_number(order_id))
            return mapping.broker_order(told, order_id=str(told.id))

        return await self._read(f"reading order {order_id}", read)

    async def dry_run(self, ticket: Ticket) -> DryRun:
        """What the order would do; sends nothing.

        Raises:
            Refused: ``E_BROKER_PREFLIGHT`` with the broker's reasons.
        """

        async def read() -> DryRun:
            account = sdk_account(ticket.account_number)
            told = await account.place_order(self._session, mapping.limit_order(ticket), dry_run=True)
            if told.errors:
                reasons = tuple(str(error) for error in told.errors)
                raise Refused(
                    "E_BROKER_PREFLIGHT",
                    f"The broker would refuse this order: {'; '.join(reasons)}.",
                    reasons=reasons,
                )
            return mapping.dry_run(told)

        return await self._read("asking for a dry run", read, keep_later=True)

    async def prepare(self) -> None:
        """Renew the session's token if it is near its end, so that ``submit`` is one POST."""
        await self._read("renewing the session", self._session.refresh)

    async def submit(self, ticket: Ticket, *, first_byte_by: float | None = None) -> Submission:
        """POST once, under no retry, within the deadline (10 s) as a whole. Raises nothing but a cancellation.

        ``first_byte_by`` is a ``time.monotonic()`` reading: when the request is
        not begun by then, it is not sent at all (``E_TOO_LATE``).
        """
        return await send_once(
            self._session,
            ticket,
            recorder=self._recorder,
            first_byte_by=first_byte_by,
            deadline=self._deadline,
        )

    async def replace(
        self, order_id: str, ticket: Ticket, *, first_byte_by: float | None = None
    ) -> Submission:
        """PUT once in the place of order ``order_id``; for the rest as ``submit``."""
        return await send_once(
            self._session,
            ticket,
            instead_of=_order_number(order_id),
            recorder=self._recorder,
            first_byte_by=first_byte_by,
            deadline=self._deadline,
        )

    async def cancel(self, number: str, order_id: str) -> None:
        """Ask for a cancel. It is safe to ask twice, so a lost answer is tried again."""

        async def ask() -> None:
            await sdk_account(number).delete_order(self._session, _order_number(order_id))

        await self._read(f"cancelling order {order_id}", ask)

    async def chain(self, underlying: str) -> OptionChain:
        """The nested chain.

        Raises:
            UsageProblem: ``E_SYMBOL_UNKNOWN`` when the broker does not list the underlying.
        """

        async def read() -> OptionChain:
            told = await NestedOptionChain.get(self._session, underlying)
            if not told:
                raise _unlisted(underlying)
            return mapping.option_chain(underlying, told)

        return await self._read(f"reading the option chain of {underlying}", read, unlisted=underlying)

    async def metrics(self, underlying: str) -> Metrics:
        """Market metrics.

        Raises:
            UsageProblem: ``E_SYMBOL_UNKNOWN`` when the broker has none for it.
        """

        async def read() -> Metrics:
            told = await get_market_metrics(self._session, [underlying])
            found = next((each for each in told if each.symbol == underlying), None)
            if found is None:
                raise _unlisted(underlying)
            return mapping.metrics(found)

        return await self._read(f"reading the metrics of {underlying}", read, unlisted=underlying)

    async def dividend(self, underlying: str) -> Dividend | None:
        """The dividend announced last: its ex-date from the metrics, its amount from the market data."""

        async def read() -> Dividend | None:
            told = await get_market_metrics(self._session, [underlying])
            ex_date = next((each.dividend_ex_date for each in told if each.symbol == underlying), None)
            if ex_date is None:
                return None
            data = await get_market_data_by_type(self._session, equities=[underlying])
            amount = next((each.dividend_amount for each in data if each.symbol == underlying), None)
            return Dividend(ex_date, mapping.given(amount, "amount of the dividend"))

        return await self._read(f"reading the dividend of {underlying}", read)

    async def activity(self, symbols: Sequence[str]) -> dict[str, Activity]:
        """What is open and has traded today of each OCC symbol, in one call for a hundred of them."""
        asked = list(dict.fromkeys(symbols))

        async def read() -> dict[str, Activity]:
            told: dict[str, MarketData] = {}
            for first in range(0, len(asked), _AT_ONCE):
                some = asked[first : first + _AT_ONCE]
                told |= {
                    each.symbol: each for each in await get_market_data_by_type(self._session, options=some)
                }
            return {symbol: mapping.activity(told.get(symbol)) for symbol in asked}

        return await self._read("reading what trades", read)

    async def stops_trading_at(self, symbols: Sequence[str]) -> dict[str, datetime]:
        """When each OCC symbol stops trading."""
        gate = asyncio.Semaphore(_PARALLEL)

        async def one(symbol: str) -> tuple[str, datetime]:
            async def read() -> datetime:
                return mapping.aware((await Option.get(self._session, symbol)).stops_trading_at)

            async with gate:
                return symbol, await self._read(f"reading contract {symbol.strip()}", read, unlisted=symbol)

        return dict(await asyncio.gather(*(one(symbol) for symbol in dict.fromkeys(symbols))))

    async def daily_candles(self, underlying: str, since: date) -> tuple[Candle, ...]:
        """Daily bars of closed sessions, ascending, over a short connection to the feed."""

        async def read() -> tuple[Candle, ...]:
            return await fetch_daily(self._session, underlying, since=since, now=self._clock.now())

        return await self._read(f"reading the candles of {underlying}", read)

    def read_orders(self, message: RawMessage, *, seen: dict[str, BrokerOrder]) -> tuple[BrokerOrder, ...]:
        """Every order in a raw message.

        Raises:
            UsageProblem: ``E_BROKER_ANSWER`` when there is one that does not parse.
        """
        return mapping.orders_of(message.body, alert=message.source == "alert", seen=seen)

    def read_alert(self, text: str) -> BrokerOrder | None:
        """The order in a raw account alert; None for alerts of other kinds.

        Raises:
            UsageProblem: ``E_BROKER_ANSWER`` when it is an order but does not parse.
        """
        return mapping.order_alert(text)

    async def mark(self, name: str) -> UUID | None:
        """Whom the login's mark of that name says."""
        return await self._read("reading the deployment's mark", lambda: read_mark(self._session, name))

    async def set_mark(self, name: str, deployment: UUID) -> None:
        """Have it say this deployment; twice is once."""
        await self._read("marking the deployment", lambda: write_mark(self._session, name, deployment))

    async def _read(
        self,
        what: str,
        read: Callable[[], Awaitable[Answer]],
        *,
        unlisted: str | None = None,
        keep_later: bool = False,
    ) -> Answer:
        """Call what may safely be called again; a doubtful token is renewed once.

        With ``keep_later`` nobody waits until the record of it is stored.
        """
        renewed = False
        for pause in (*_PAUSES, None):
            problem = await self._once(what, read, unlisted, keep_later=keep_later)
            if not isinstance(problem, SenexError):
                return problem
            if problem.code == "E_BROKER_TOKEN" and self._session.doubted and not renewed:
                renewed = True
                continue
            if problem.code not in _AGAIN or pause is None:
                raise problem
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311  jitter, not a secret
        raise AssertionError("the last try returns or raises")

    async def _once(
        self, what: str, read: Callable[[], Awaitable[Answer]], unlisted: str | None, *, keep_later: bool
    ) -> Answer | SenexError:
        with logged_call() as log:
            try:
                return await read()
            except SenexError as problem:
                return problem
            except WIRE_ERRORS as problem:
                answer = log.last
                if answer is not None and answer.status == 401:
                    self._session.doubt()
                if answer is not None and answer.status == 404 and unlisted is not None:
                    return _unlisted(unlisted)
                error = translate(problem, log, what)
                error.__cause__ = problem
                return error
            finally:
                if keep_later:
                    record = asyncio.create_task(hand_over(log, self._recorder, after=_LATER))
                    self._records.add(record)
                    record.add_done_callback(self._records.discard)
                else:
                    await hand_over(log, self._recorder)

    async def close(self) -> None:
        """Let records be stored that nobody has waited for."""
        await asyncio.gather(*self._records)


@asynccontextmanager
async def open_gateway(
    access: BrokerAccess,
    *,
    clock: Clock,
    recorder: Recorder = record_nothing,
    deadline: float = DEADLINE,
    pause: LoginPause | None = None,
    newest: Callable[[], Awaitable[BrokerAccess]] | None = None,
) -> AsyncIterator[Gateway]:
    """A gateway on a session of its own; the first call logs in, unless ``pause`` says that it is refused."""
    async with open_session(access, pause=pause, newest=newest) as session:
        gateway = Gateway(session, clock=clock, recorder=recorder, deadline=deadline)
        try:
            yield gateway
        finally:
            await gateway.close()


def _orders(told: Sequence[PlacedOrder]) -> tuple[BrokerOrder, ...]:
    return tuple(mapping.broker_order(order, order_id=str(order.id)) for order in told)


def _order_number(order_id: str) -> int:
    try:
        return int(order_id)
    except ValueError:
        raise UsageProblem("E_BROKER_REQUEST", f"{order_id!r} is not an order id of the broker.") from None


def _unlisted(symbol: str) -> UsageProblem:
    return UsageProblem("E_SYMBOL_UNKNOWN", f"The broker does not list {symbol.strip()}; check the spelling.")
