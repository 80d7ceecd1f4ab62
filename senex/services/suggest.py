"""Build a suggestion: facts from the broker, prices from the stream, rules from the domain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.analysis import analyse
from senex.domain.calendar import new_york_date
from senex.domain.caps import activity
from senex.domain.chain import told_of
from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused, UsageProblem
from senex.domain.money import CONTRACT_MULTIPLIER
from senex.domain.risk import strikes_in_use, tradeable_capital
from senex.domain.strategies import strategy
from senex.domain.strategies.base import Refusal, StrategyInputs
from senex.domain.suggestions import LIFETIME, Reason, Suggestion, SuggestionStatus
from senex.domain.symbols import underlying_symbol
from senex.ports.records import Instrument
from senex.services.history import candles as daily_candles
from senex.services.repricing import WAIT_FOR_QUOTES
from senex.services.standing import standing_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.decisions import Decision
    from senex.domain.suggestions import Proposal
    from senex.ports.records import Account, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

DEFAULT_STRATEGY = "senex_trident"


async def suggest(context: Context, decision: Decision, work: Work) -> None:
    """Answer a request for a suggestion with one, or with every reason against it.

    Raises:
        UsageProblem: ``E_SYMBOL`` or ``E_SYMBOL_UNKNOWN``, ``E_STRATEGY``.
        Refused: ``E_NO_TRADE`` with the reasons, when the rules say no.
    """
    if decision.symbol is None:
        raise UsageProblem("E_SYMBOL", "A suggestion needs an underlying, such as QQQ.")
    made = await propose(
        context,
        decision.account_id,
        underlying_symbol(decision.symbol),
        decision.strategy or DEFAULT_STRATEGY,
    )
    async with context.units() as tx:
        await keep(tx, made, actor=decision.operator)
        answer = Answer(Outcome.DONE, "OK", made.message, suggestion_id=made.suggestion.id)
        await tx.suggestions.answer(decision.id, answer, made.suggestion.created_at)
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("suggestion", str(decision.account_id), str(made.suggestion.id))


@dataclass(frozen=True, slots=True)
class Proposed:
    """A suggestion, not stored yet, and the contracts it names."""

    suggestion: Suggestion
    instruments: tuple[Instrument, ...]

    @property
    def message(self) -> str:
        """It in one line."""
        proposal = self.suggestion.proposal
        return f"{proposal.underlying} {proposal.strategy}: score {proposal.score}, limit {proposal.limit}."


async def propose(context: Context, account_id: UUID, underlying: str, strategy_name: str) -> Proposed:
    """What the strategy would trade now, for whoever decides; nothing of it is stored.

    Raises:
        UsageProblem: ``E_SYMBOL_UNKNOWN`` or ``E_STRATEGY``.
        Refused: ``E_NO_TRADE`` with the reasons, when the rules say no.
    """
    async with context.units() as tx:
        account = await tx.accounts.get(account_id)
        calendar = await tx.market.calendar(new_york_date(context.clock.now()))
    chosen = strategy(strategy_name)
    inputs, reserved = await _inputs(context, account, underlying, calendar)
    structure = chosen.structure(inputs)
    if isinstance(structure, Refusal):
        raise _no_trade(structure)
    legs = set(structure.streamers.values())
    market = await context.quotes.wanted({underlying, *legs}, timeout=WAIT_FOR_QUOTES)
    inputs = replace(inputs, market=market, now=context.clock.now())
    proposal = chosen.propose(inputs)
    if isinstance(proposal, Refusal):
        raise _no_trade(proposal)
    # nobody could approve it, so nobody is asked to
    taken = tuple(map(str, strikes_in_use(proposal.legs, reserved)))
    if taken:
        raise _no_trade(Refusal(proposal.strategy, underlying, taken))
    proposal = await _traded(context, account, proposal)
    suggestion = _suggestion(context, account.id, proposal)
    stops = await context.broker.stops_trading_at(sorted(structure.streamers))
    return Proposed(suggestion, tuple(_instruments(underlying, structure.streamers, stops)))


async def _traded(context: Context, account: Account, proposal: Proposal) -> Proposal:
    """The proposal with what is open and trades of its legs.

    Raises:
        Refused: ``E_NO_TRADE`` when too little of a leg is and does.
    """
    symbols = [leg.symbol for leg in proposal.legs]
    told = await context.broker.activity(symbols)
    thin = activity(proposal.legs, told, context.limits.of(account.number, account.risk_preset))
    reasons = tuple(map(str, thin))
    if reasons:
        raise _no_trade(Refusal(proposal.strategy, proposal.underlying, reasons))
    line = Reason(told_of(told[symbol] for symbol in symbols))
    return replace(proposal, reasons=(*proposal.reasons, line))


async def keep(tx: UnitOfWork, made: Proposed, *, actor: str) -> None:
    """Store a suggestion in the caller's transaction."""
    suggestion = made.suggestion
    await tx.market.save_instruments(made.instruments)
    await tx.suggestions.add(suggestion)
    await tx.journal.note(
        "suggestion made",
        actor=actor,
        object_type="suggestion",
        object_id=str(suggestion.id),
        account_id=suggestion.account_id,
        after=suggestion.digest,
        why=made.message,
        now=suggestion.created_at,
    )


async def _inputs(
    context: Context, account: Account, underlying: str, calendar: Calendar
) -> tuple[StrategyInputs, Mapping[str, str]]:
    """What a strategy is asked with, and the option symbols that are in use, by whom."""
    chain = await context.broker.chain(underlying)
    metrics = await context.broker.metrics(underlying)
    candles = await daily_candles(context, underlying, calendar)
    market = await context.quotes.wanted({underlying}, timeout=WAIT_FOR_QUOTES)
    now = context.clock.now()
    async with context.units() as tx:
        standing = standing_of(await tx.cases.books(account.id, now=now), now=now)
    report = analyse(underlying, candles=candles, metrics=metrics, market=market, now=now, calendar=calendar)
    inputs = StrategyInputs(
        report=report,
        chain=chain,
        market=market,
        now=now,
        capital=tradeable_capital(standing.option_buying_power, standing.commitments),
        entry_offset=account.entry_offset,
    )
    return inputs, standing.reserved


def _no_trade(refusal: Refusal) -> Refused:
    return Refused(
        "E_NO_TRADE", f"No trade in {refusal.underlying}: {refusal.reasons[0]}.", reasons=refusal.reasons
    )


def _suggestion(context: Context, account_id: UUID, proposal: Proposal) -> Suggestion:
    now = context.clock.now()
    return Suggestion(
        id=uuid4(),
        account_id=account_id,
        version=1,
        status=SuggestionStatus.PENDING,
        proposal=proposal,
        created_at=now,
        priced_at=proposal.pricing.oldest,
        expires_at=now + LIFETIME,
    )


def _instruments(
    underlying: str, streamers: Mapping[str, str], stops: Mapping[str, datetime]
) -> list[Instrument]:
    return [
        Instrument(symbol, streamer, underlying, CONTRACT_MULTIPLIER, stops.get(symbol))
        for symbol, streamer in streamers.items()
    ]
