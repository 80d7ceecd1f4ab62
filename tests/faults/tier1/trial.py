"""One trial: an account, a seed, a fault, and the little story in which it strikes."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from senex.domain.decisions import Decision, DecisionKind
from senex.domain.legs import Action, Leg
from senex.domain.net import limit_price, price_legs
from senex.domain.suggestions import (
    LIFETIME,
    Band,
    ExitPlan,
    Proposal,
    SpreadPlan,
    Suggestion,
    SuggestionStatus,
)
from senex.domain.symbols import OptionSymbol, Right
from senex.domain.unknown import Unknown
from senex.ports.records import Instrument
from tests.faults.tier1.bench import BoardQuotes
from tests.faults.tier1.lines import FORWARD, Fuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import date

    from senex.simulator.books.records import Order as BrokersOrder
    from tests.faults.tier1.bench import Bench
    from tests.faults.tier1.lines import Request, Verdict

D = Decimal
UNDERLYING = "QQQ"
HORIZON = 200.0
"""Seconds after which an absent order may count as absent."""
_OFFSET, _TICK = D("0.00"), D("0.01")
_RECONCILES = "SELECT id FROM outbox WHERE account_id = %s AND job = 'reconcile' AND done_at IS NULL"
_SETTLED = """
SELECT (SELECT count(*) FROM outbox WHERE done_at IS NULL AND account_id = %(account)s) AS undone,
    (SELECT count(*) FROM trade_order WHERE status = 'unknown' AND account_id = %(account)s) AS unknown,
    (SELECT count(*) FROM difference d WHERE account_id = %(account)s AND category <> 'broken_ratio'
        AND NOT (category = 'missing_target' AND EXISTS (
            SELECT FROM trade_order o WHERE o.account_id = d.account_id AND o.kind = 'target'
                AND o.cancel_requested_at IS NOT NULL AND o.cancel_actor <> 'daemon'
                AND o.position_id || '/' || o.spread_key = d.subject))) AS differences,
    (SELECT ready FROM readiness WHERE account_id = %(account)s) AS ready
"""


@dataclass
class Broken(AssertionError):
    """An invariant does not hold."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


@dataclass
class Trial:
    """What a fault and a story have at hand. ``draw`` is the only source of chance."""

    bench: Bench
    number: str
    account: UUID
    fault: str
    seed: int
    spoils: Callable[[Request], Awaitable[Verdict | None]] | None = None
    told: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    consoles: int = 1
    quiet: bool = True
    """Whether in half of the trials no alert ever comes."""
    _first: int = 0

    @cached_property
    def draw(self) -> random.Random:
        """Everything of this trial is drawn here."""
        return random.Random(f"{self.fault}/{self.seed}")

    def say(self, what: str) -> None:
        """Note what was done, to be told when it goes wrong."""
        self.told.append(what)

    # -- what consoles do -------------------------------------------------------------------------

    async def suggest(
        self, slot: int = 0, *, sides: str = "", units: int = 0, exit_dte: int = 21
    ) -> Suggestion:
        """A suggestion in the books: one or two credit spreads, in strikes of their own for each ``slot``.

        ``sides`` (put, call, both) and ``units`` are drawn where they are not given. Its ladder begins
        ``exit_dte`` days before it expires.
        """
        spreads = self._spreads(slot, sides)
        units = units or self.draw.choice((1, 1, 2, 3))
        bench = self.bench
        now = bench.clock.now()
        legs = [leg for spread in spreads for leg in spread.legs]
        names = {leg.symbol: OptionSymbol.from_occ(leg.symbol).streamer for leg in legs}
        market = await BoardQuotes(bench.exchange, bench.clock).snapshot([*names.values(), UNDERLYING])
        pricing = price_legs(legs, market, now, streamers=names)
        assert not isinstance(pricing, Unknown), pricing
        limit = limit_price(pricing, offset=_OFFSET, tick=_TICK)
        assert not isinstance(limit, Unknown), limit
        symbol = OptionSymbol.from_occ(legs[0].symbol)
        proposal = Proposal(
            strategy="vertical_credit",
            underlying=UNDERLYING,
            expiry=symbol.expiry,
            units=units,
            spreads=spreads,
            pricing=pricing,
            limit=limit,
            band=Band(limit - 1, limit + 1),
            tick=_TICK,
            max_loss=D(500 * units * len(spreads)),
            max_profit=D(100 * units),
            breakevens=(symbol.strike,),
            exit_plan=ExitPlan(time_exit_dte=exit_dte),
            score=D(70),
            reasons=(),
        )
        made = Suggestion(
            id=uuid4(),
            account_id=self.account,
            version=1,
            status=SuggestionStatus.PENDING,
            proposal=proposal,
            created_at=now,
            priced_at=now,
            expires_at=now + LIFETIME,
        )
        async with bench.units() as tx:
            await tx.market.save_instruments(
                [Instrument(occ, name, UNDERLYING, 100, None) for occ, name in names.items()]
            )
            await tx.suggestions.add(made)
            await tx.commit()
        self.say(f"suggested {units} × {len(spreads)} spread(s) at {limit}")
        return made

    async def decide(self, kind: DecisionKind, **fields: object) -> UUID:
        """What a console writes down."""
        now = self.bench.clock.now()
        nothing = dict.fromkeys(
            (
                "suggestion_id",
                "version",
                "digest",
                "order_id",
                "symbol",
                "strategy",
                "state",
                "reason",
                "proof",
            )
        )
        values = {
            **nothing,
            "id": uuid4(),
            "account_id": self.account,
            "kind": kind,
            "operator": "trader",
            "terminal": "pts/0",
            "role": "trader",
            "decided_at": now,
            "shown_at": now,
            **fields,
        }
        decision = Decision(**values)  # type: ignore[arg-type]
        if await self.bench.decisions.add(decision) is not None:
            self.say(f"{kind} came second")
        return decision.id

    async def approve(self, suggestion: Suggestion) -> None:
        """Approve what was shown, on every console at once."""
        self.say("approved")
        bound = {"version": suggestion.version, "digest": suggestion.digest}
        await asyncio.gather(
            *(
                self.decide(DecisionKind.APPROVE, suggestion_id=suggestion.id, **bound)
                for _ in range(self.consoles)
            )
        )

    async def replace_one(self) -> None:
        """The operator wants another price for some order."""
        found = await self.bench.rows(
            "SELECT id, kind, limit_price FROM trade_order WHERE account_id = %s AND status IN "
            "('working', 'partially_filled', 'unknown') ORDER BY created_at, id",
            self.account,
        )
        if found:
            order = self.draw.choice(found)
            cents = self.draw.choice((-5, -2, -1, 1, 2))
            self.say(f"replaces the {order.kind} by {cents} ¢")
            price = order.limit_price + cents * _TICK
            await self.decide(DecisionKind.REPLACE_ORDER, order_id=order.id, price=price)

    async def cancel(self, order_id: UUID) -> UUID:
        """Cancel an order."""
        return await self.decide(DecisionKind.CANCEL_ORDER, order_id=order_id)

    # -- what the market does ---------------------------------------------------------------------

    def orders(self) -> list[BrokersOrder]:
        """All the broker ever took of this account."""
        return self.bench.exchange.books.orders_of(self.number)

    def working(self) -> list[BrokersOrder]:
        """Those that can still fill."""
        return [order for order in self.orders() if order.working]

    def fill_one(self) -> None:
        """The market takes the whole, a part, or all legs but one of some order."""
        working = self.working()
        if not working:
            return
        order = self.draw.choice(working)
        how = self.draw.random()
        units = None if how < 0.6 else 1
        left_out = self.draw.choice(order.legs).symbol if how > 0.9 else None
        self.say(
            f"the market takes {units or 'all'} of {order.id}" + (f" but {left_out}" if left_out else "")
        )
        self.bench.fill(order.id, units, left_out)

    # -- the story --------------------------------------------------------------------------------

    async def begin(self) -> None:
        """The account is ready, nobody else's work is left."""
        bench = self.bench
        bench.tried = self.account
        await bench.listen()
        await bench.set_aside()
        await bench.drain()
        await bench.open_gate(self.account)  # closed by what an earlier trial did to all
        if self.quiet and self.draw.random() < 0.5:
            self.say("alerts never come")
            bench.server.services.faults.add({"endpoint": "alerts", "mode": "missing", "count": 1000})
        self._first = len(bench.broker.seen)
        bench.broker.judge = self._judge

    async def beat(self) -> None:
        """Something happens."""
        what = self.draw.random()
        if what < 0.55:
            self.fill_one()
        elif what < 0.7:
            await self._cancel_one()
        elif what < 0.8:
            self.say("time passes")
            await self.bench.time_passes(20)
        elif what < 0.9:
            await self.bench.offer("monitor_open_orders", self.account, self.account)
        else:
            await self.bench.offer("reconcile", self.account, self.account)
        if self.draw.random() < 0.5:
            await self.bench.listen()
        await self.bench.drain()

    async def _cancel_one(self) -> None:
        found = await self.bench.rows(
            "SELECT id, kind FROM trade_order WHERE account_id = %s AND status IN "
            "('intended', 'working', 'partially_filled', 'unknown') ORDER BY created_at, id",
            self.account,
        )
        if found:
            order = self.draw.choice(found)
            self.say(f"cancels the {order.kind}")
            await self.cancel(order.id)

    async def end(self) -> None:
        """The fault is over: everything is well again, and time enough passes for the truth to come out."""
        bench = self.bench
        self.spoils = None
        bench.broker.down = bench.database.down = False
        bench.broker.judge = self._judge
        bench.database.commits = None
        bench.clock.off = timedelta(0)
        bench.twice = False
        bench.server.services.faults.clear()
        bench.light(Fuse(passed=bench.fuse.passed)) if not bench.fuse.blown.is_set() else None
        self.say("healed")
        await bench.listen()
        await bench.drain()
        for turn in range(6):
            await bench.set_aside()
            await bench.time_passes(HORIZON)
            if not await bench.rows(
                _RECONCILES, self.account
            ):  # else one was put down with an unknown outcome
                await bench.offer("reconcile", self.account, self.account)
            await bench.drain()
            [row] = await self._state()
            # what a second order left behind differs for good; the verdict says whether it may. So do, uncounted, a
            # leg in the air and a target the operator took away: nothing but a person mends them
            if row.undone == row.unknown == 0 and row.ready and (not row.differences or turn > 1):
                return
        raise Broken("settled", f"{row}")

    async def _state(self) -> list[Any]:
        cursor = await self.bench.admin.execute(_SETTLED.encode(), {"account": self.account})
        return list(await cursor.fetchall())

    # -- at the moment a request is on its way ----------------------------------------------------

    def posts(self) -> list[Request]:
        """Every submission of this trial."""
        mine = self.bench.broker.seen[self._first :]
        return [one for one in mine if self.submits(one)]

    def submits(self, request: Request) -> bool:
        """Whether a request is a submission: the one POST, or the PUT of a replacement."""
        path = f"/accounts/{self.number}/orders"
        if request.method == "POST":
            return request.path == path
        return request.method == "PUT" and request.path.startswith(f"{path}/")

    async def _judge(self, request: Request) -> Verdict:
        if self.submits(request):
            await self._durable(json.loads(request.body)["external-identifier"])
        if self.spoils is not None:
            verdict = await self.spoils(request)
            if verdict is not None:
                self.say(f"{verdict.act.name} {request.method} {request.path.partition(self.number)[2]}")
                return verdict
        return FORWARD

    async def _durable(self, name: str) -> None:
        """I3, I8 and I10, while the first byte is on its way."""
        [row] = await self.bench.rows(
            """SELECT a.status, o.kind, s.state,
                (SELECT count(*) FROM trade_order u WHERE u.account_id = o.account_id AND u.status = 'unknown'
                    AND u.underlying = o.underlying AND u.id <> o.id) AS unknown
            FROM attempt a JOIN trade_order o ON o.id = a.order_id
            JOIN trading_state s ON s.account_id = o.account_id WHERE a.external_identifier = %s""",
            name,
        ) or [None]
        if row is None or row.status != "sending":
            self.refused.append(f"I3: a byte left for {name}, of which is stored: {row}")
        elif row.kind == "entry" and row.unknown:
            self.refused.append(f"I8: an entry was sent beside {row.unknown} unknown order(s)")
        elif row.kind == "entry" and row.state != "active":
            self.refused.append(f"I10: an entry was sent while {row.state}")

    # -- inside -----------------------------------------------------------------------------------

    def _spreads(self, slot: int, sides: str) -> tuple[SpreadPlan, ...]:
        """Credit spreads five wide, out of the money, about 45 days away."""
        expiry, body = self.bench.centre(UNDERLYING)
        apart = D(10 + 12 * slot)
        put = self._spread("put-1", Right.PUT, expiry, body - apart, body - apart - 5)
        call = self._spread("call-1", Right.CALL, expiry, body + apart, body + apart + 5)
        if not sides:
            sides = "both" if self.draw.random() < 0.3 else self.draw.choice(("put", "call"))
        return {"both": (put, call), "put": (put,), "call": (call,)}[sides]

    def _spread(self, key: str, right: Right, expiry: date, short: Decimal, long: Decimal) -> SpreadPlan:
        def leg(strike: Decimal, action: Action) -> Leg:
            symbol = OptionSymbol(UNDERLYING, expiry, right, strike)
            return Leg(symbol.occ, action, 1)

        legs = (leg(short, Action.SELL_TO_OPEN), leg(long, Action.BUY_TO_OPEN))
        return SpreadPlan(key, legs, D(5), D("0.5"))
