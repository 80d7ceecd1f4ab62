"""What the connected broker says of every order shape senex sends, by its dry run; nothing is sent.

The raw answers are in the broker's messages like those of any call, the
verdicts in the answer to the decision. In LIVE it is how an operator begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused, SenexError
from senex.domain.legs import Action, Leg
from senex.domain.orders import TimeInForce, external_identifier
from senex.domain.positions import OPEN_STATUSES
from senex.domain.strategies import REGISTRY
from senex.domain.symbols import underlying_symbol
from senex.ports.broker import Ticket
from senex.services.suggest import propose

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.decisions import Decision
    from senex.ports.records import Account, Work
    from senex.services.context import Context

DEFAULT_SYMBOL = "SPY"
TAKEN, EXPECTED, REFUSED, NOT_TRIED = "taken", "refused as expected", "refused", "not tried"
_DAYS, _STRIKES_APART, _PENNY = 25, 3, Decimal("0.01")
_NOTHING_HELD = "nothing of it is held, so a strict close has to be refused"


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of order. ``unheld`` closes what is not held; ``legs`` are empty where none could be built (``why``)."""

    name: str
    legs: tuple[Leg, ...] = ()
    limit: Decimal = _PENNY
    time_in_force: TimeInForce = TimeInForce.DAY
    strict: bool = False
    unheld: bool = False
    why: str = ""


async def probe_broker(context: Context, decision: Decision, work: Work) -> None:
    """Dry-run each shape and answer with a sentence of each."""
    symbol = underlying_symbol(decision.symbol or DEFAULT_SYMBOL)
    async with context.units.reading() as tx:
        account = await tx.accounts.get(decision.account_id)
        namespace = await tx.orders.namespace()
    shapes = [*await _entries(context, account.id, symbol), *await _closings(context, account.id, symbol)]
    said = [
        await _try(context, account, shape, external_identifier(namespace, decision.id, number))
        for number, shape in enumerate(shapes, start=1)
    ]
    refused = sum(verdict == REFUSED for _, verdict, _ in said)
    tried = sum(verdict != NOT_TRIED for _, verdict, _ in said)
    message = f"The broker would take all {tried} order shapes that could be tried."
    if refused:
        message = f"The broker would refuse {refused} of {tried} order shapes; nothing was sent."
    now = context.clock.now()
    async with context.units() as tx:
        reasons = tuple(f"{name}: {verdict}: {why}" for name, verdict, why in said)
        await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", message, reasons), now)
        await tx.journal.note(
            "broker probed",
            actor=decision.operator,
            object_type="account",
            object_id=str(account.id),
            account_id=account.id,
            why=" | ".join(reasons),
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()


async def _entries(context: Context, account_id: UUID, symbol: str) -> list[Shape]:
    """The entry of each strategy as it would trade now, and of a plain spread, which no rule forbids."""
    found = []
    for name in sorted(REGISTRY):
        try:
            proposal = (await propose(context, account_id, symbol, name)).suggestion.proposal
        except SenexError as problem:
            why = "; ".join((problem.message, *problem.reasons))
            found.append(Shape(f"entry of {name}", why=f"it would not trade {symbol} now ({why})"))
        else:
            found.append(Shape(f"entry of {name}", proposal.legs, proposal.limit))
    legs = await _put_spread(context, symbol)
    found.append(Shape("entry of one spread", legs))
    found.append(Shape("the order that replaces an entry (tried as a new one)", legs, limit=_PENNY + _PENNY))
    return found


async def _closings(context: Context, account_id: UUID, symbol: str) -> list[Shape]:
    """What closes: a target, an exit and the close of a position that is open, or else of one that is not."""
    async with context.units.reading() as tx:
        positions = [each for each in await tx.positions.open(account_id) if each.status in OPEN_STATUSES]
    held = positions[0].spreads[0].plan.legs if positions else ()
    legs = tuple(leg.closed() for leg in held or await _put_spread(context, symbol))
    name = f"{positions[0].underlying} {positions[0].spreads[0].plan.key}" if positions else "one spread"
    bare = Shape("", legs, -_PENNY, strict=True, unheld=not held)
    return [
        replace(bare, name=f"target of {name}", time_in_force=TimeInForce.GTC),
        replace(bare, name=f"exit of {name}"),
        replace(bare, name=f"close of {name} by hand", limit=-_PENNY - _PENNY),
        replace(bare, name=f"the order that replaces a target of {name} (tried as a new one)"),
    ]


async def _put_spread(context: Context, symbol: str) -> tuple[Leg, ...]:
    chain = await context.broker.chain(symbol)
    today = new_york_date(context.clock.now())
    later = [each for each in chain.expirations if each.dte(today) >= _DAYS] or list(chain.expirations)
    strikes = later[0].strikes
    middle = len(strikes) // 2
    short, long = strikes[middle].put, strikes[max(middle - _STRIKES_APART, 0)].put
    return Leg(short.occ, Action.SELL_TO_OPEN, 1), Leg(long.occ, Action.BUY_TO_OPEN, 1)


async def _try(context: Context, account: Account, shape: Shape, name: str) -> tuple[str, str, str]:
    """Shape, verdict and why."""
    if not shape.legs:
        return shape.name, NOT_TRIED, shape.why
    ticket = Ticket(
        account_number=account.number,
        legs=shape.legs,
        limit_price=shape.limit,
        time_in_force=shape.time_in_force,
        external_identifier=name,
        strict_position_effect=shape.strict,
    )
    try:
        said = await context.broker.dry_run(ticket)
    except Refused as refusal:
        verdict = EXPECTED if shape.unheld else REFUSED
        why = f"{refusal.message} ({_NOTHING_HELD})" if shape.unheld else refusal.message
        return shape.name, verdict, why
    fees = "unknown" if said.fees is None else f"${said.fees:.2f}"
    warned = f"; it warns: {'; '.join(said.warnings)}" if said.warnings else ""
    return shape.name, TAKEN, f"margin ${said.margin_requirement:.2f}, fees {fees}{warned}"
