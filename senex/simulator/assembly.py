"""Builds a simulator from options and its state folder."""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, TypedDict

from senex.domain.errors import UsageProblem
from senex.simulator.board import Board
from senex.simulator.books.books import Books
from senex.simulator.books.journal import Journal
from senex.simulator.books.statement import Accountant
from senex.simulator.clock import MarketClock
from senex.simulator.exchange import Exchange
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import Scenario
from senex.simulator.market.sessions import EARLIEST, LATEST, NEW_YORK, new_york, new_york_date
from senex.simulator.mirror.day import Day, examine
from senex.simulator.preflight import Rules
from senex.simulator.sources import MarketQuotes
from senex.simulator.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from senex.simulator.mirror.day import Known
    from senex.simulator.mirror.live import Live
    from senex.simulator.mirror.pages import Mirror
    from senex.simulator.sources import QuoteSource


class Play(TypedDict):
    """What every market needs for its draws."""

    seed: int
    scenario: Scenario


DEFAULT_SEED = 7
DEFAULT_ACCOUNT = "5SX00001"
DEFAULT_START = new_york(date(2026, 6, 2), 10)
"""A Tuesday 45 days before a monthly expiration."""
_ACCOUNT = re.compile(r"^[A-Z0-9]{4,16}$")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; None is 'as the state folder has it, else the default'."""

    seed: int | None = None
    scenario: Scenario | None = None
    start: datetime | None = None
    speed: float | None = None
    state: Path | None = None
    account: str | None = None
    accounts: int = 1
    day: Path | None = None
    """A recorded day to serve instead of a simulated market."""
    cash: bool = False
    refuse_opposite: bool = False
    faults: Path | None = None
    """A file of faults that are in force from the start."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulator ready to serve."""

    exchange: Exchange
    tokens: Tokens
    timeline: str
    account: str
    journal: Journal
    mirror: Mirror | None = None


def parse_start(text: str) -> datetime:
    """Read ``2026-06-02`` (10:00 New York) or ``2026-06-02T14:30`` (New York unless it has an offset).

    Raises:
        UsageProblem: ``E_START``.
    """
    try:
        instant = datetime.fromisoformat(f"{text}T10:00" if len(text) == len("2026-06-02") else text)
    except ValueError:
        raise UsageProblem(
            "E_START", f"{text!r} is not a start; write a date or a time such as 2026-06-02T10:00."
        ) from None
    instant = (instant if instant.tzinfo is not None else instant.replace(tzinfo=NEW_YORK)).astimezone(UTC)
    if not EARLIEST <= new_york_date(instant) <= LATEST:
        raise UsageProblem(
            "E_START", f"{text} is outside {EARLIEST} to {LATEST}, where the calendar is known."
        )
    return instant


def assemble(options: Options, live: Live | None = None) -> Simulator:
    """Build a simulator, from its state folder where that has one, or on another market that is live.

    Raises:
        UsageProblem: the folder holds another seed, scenario or start.
        Unavailable: another simulator uses the folder.
    """
    journal = Journal.open(options.state)
    try:
        return _assemble(options, journal, live)
    except BaseException:
        journal.close()
        raise


def _assemble(options: Options, journal: Journal, live: Live | None) -> Simulator:
    known = None if options.day is None else examine(options.day)
    _settle(options, journal, _source(known, live))
    play: Play = {
        "seed": int(_setting(journal, "seed")),
        "scenario": Scenario(_setting(journal, "scenario")),
    }
    day = None if options.day is None or known is None else Day(options.day, known, **play)
    start = datetime.fromisoformat(_setting(journal, "start"))
    market = Market(**play, start=start) if day is None else day.market
    source: QuoteSource = MarketQuotes(market) if day is None else day.quotes
    if live is not None:
        market, source = live.market(**play, start=start), live.quotes
    tick = int(_setting(journal, "tick"))
    instant = datetime.fromisoformat(_setting(journal, "instant"))
    speed = float(_setting(journal, "speed")) if options.speed is None else options.speed
    journal.set(speed=repr(speed), instant=instant.isoformat())
    if live is not None:
        instant, speed = max(instant, live.clock.now()), live.clock.told.speed
    clock = MarketClock(instant, speed)
    board = Board(source, tick)
    books = Books(journal)
    exchange = Exchange(
        market=market,
        clock=clock,
        board=board,
        books=books,
        accountant=Accountant(books, board),
        journal=journal,
        grid=int(journal.setting("grid") or 1),
        by_event=journal.setting("by_event") == "1",
    )
    exchange.desk.rules = Rules(opposite_orders=not options.refuse_opposite)
    numbers = account_numbers(options.account or DEFAULT_ACCOUNT, options.accounts)
    for number in numbers:
        exchange.lifecycle.open_account(number, instant, margin_or_cash="Cash" if options.cash else "Margin")
    tokens = Tokens(_setting(journal, "client_secret"), _setting(journal, "refresh_token"))
    return Simulator(exchange, tokens, _setting(journal, "timeline"), numbers[0], journal, day or live)


def account_numbers(first: str, count: int) -> list[str]:
    """The first account number and its successors.

    Raises:
        UsageProblem: ``E_ACCOUNT``.
    """
    if _ACCOUNT.match(first) is None:
        raise UsageProblem(
            "E_ACCOUNT", f"{first!r} is not an account number; use 4 to 16 capital letters and digits."
        )
    stem = first.rstrip("0123456789")
    digits = first[len(stem) :]
    if count > 1 and not digits:
        raise UsageProblem("E_ACCOUNT", f"{first!r} must end in a digit to number {count} accounts.")
    return [first, *(f"{stem}{int(digits) + more:0{len(digits)}d}" for more in range(1, count))]


def _source(known: Known | None, live: Live | None) -> tuple[str, datetime] | None:
    """The name of another market and where its time begins; None for the simulated one."""
    if live is not None:
        return f"live {live.rest}", live.clock.now()
    return None if known is None else (f"day {known.start.isoformat()}", known.start)


def _settle(options: Options, journal: Journal, source: tuple[str, datetime] | None) -> None:
    """Write a fresh journal's settings, or check the options against a used one's."""
    asked = {
        "seed": None if options.seed is None else str(options.seed),
        "scenario": None if options.scenario is None else str(options.scenario),
        "start": None if options.start is None else options.start.isoformat(),
        "market": "simulated" if source is None else source[0],
    }
    if journal.setting("timeline") is None:
        start = (options.start or DEFAULT_START) if source is None else source[1]
        journal.set(
            seed=asked["seed"] or str(DEFAULT_SEED),
            scenario=asked["scenario"] or str(Scenario.CALM),
            start=start.isoformat(),
            market=asked["market"] or "simulated",
            instant=start.isoformat(),
            tick="0",
            speed="1.0",
            client_secret=secrets.token_hex(20),
            refresh_token=secrets.token_urlsafe(40),
            timeline=uuid.uuid4().hex,
        )
        return
    for name, value in asked.items():
        known = journal.setting("market") or "simulated" if name == "market" else _setting(journal, name)
        if value is not None and value != known:
            raise UsageProblem(
                "E_STATE_OTHER",
                f"The state folder holds a market with {name} {known}, not {value}; "
                f"leave --{name} out, or give this market its own --state folder.",
            )


def _setting(journal: Journal, name: str) -> str:
    value = journal.setting(name)
    if value is None:
        raise UsageProblem(
            "E_STATE_BROKEN", f"The state folder lacks its {name}; give the simulator a new --state folder."
        )
    return value
