"""Reports about an account on the wire: snapshots, margin, net liquidation over time."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from senex.simulator import wire
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.sessions import new_york_date
from senex.simulator.rendering import amounts, pending

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from senex.simulator.books.records import Sample, Snapshot
    from senex.simulator.exchange import Exchange


_ONLY_NOW = (
    "reg-t-margin-requirement",
    "futures-overnight-margin-requirement",
    "futures-intraday-margin-requirement",
    "maintenance-excess",
    "pending-margin-interest",
    "effective-cryptocurrency-buying-power",
)
"""Balances that the broker tells of now, not of then."""


def snapshot_json(snapshot: Snapshot) -> wire.Json:
    """Balances as they were at the beginning or end of a session."""
    known = amounts(snapshot.balances)
    for name in _ONLY_NOW:
        del known[name]
    return {
        "account-number": snapshot.account,
        "currency": "USD",
        **known,
        **pending(snapshot.balances["pending-cash"]),
        "snapshot-date": snapshot.day,
        "time-of-day": snapshot.time_of_day,
    }


def margin_json(exchange: Exchange, number: str) -> wire.Json:
    """The margin report: each underlying's requirement and what it is made of."""
    accountant, account = exchange.accountant, exchange.books.accounts[number]
    known, method = accountant.statement(number), "Cash" if account.is_cash else "Reg T"
    return {
        "account-number": number,
        "description": "Total",
        "margin-calculation-type": method,
        "option-level": "Covered And Cash Secured" if account.is_cash else "No Restrictions",
        **wire.signed("margin-requirement", -known.requirement),
        **wire.signed("maintenance-requirement", -known.maintenance),
        **wire.signed("initial-requirement", -known.requirement),
        **wire.signed("margin-equity", known.net_liquidation),
        **wire.signed("option-buying-power", known.buying_power),
        **wire.signed("reg-t-margin-requirement", -known.requirement),
        **wire.signed("reg-t-option-buying-power", known.buying_power),
        **wire.signed("maintenance-excess", known.maintenance_excess),
        "last-state-timestamp": int(exchange.now().timestamp() * 1000),
        "groups": [
            {
                "description": underlying,
                "code": underlying,
                "underlying-symbol": underlying,
                "underlying-type": "Index" if PROFILES[underlying].is_index else "Equity",
                **_required(required.initial, required.maintenance, method),
                "groups": [
                    {"description": name, "code": name, **_required(initial, kept, method)}
                    for name, initial, kept in required.parts
                ],
            }
            for underlying, required in accountant.margins(number).items()
        ],
    }


def _required(initial: Decimal, maintenance: Decimal, method: str) -> wire.Json:
    return {
        "margin-calculation-type": method,
        **wire.signed("margin-requirement", -initial),
        **wire.signed("initial-requirement", -initial),
        **wire.signed("maintenance-requirement", -maintenance),
        **wire.signed("buying-power", -initial),
    }


def net_liquidation_bars(samples: Sequence[Sample], *, intraday: bool) -> list[wire.Json]:
    """Open, high, low and close of the samples: one bar per sample since the one before, or one per day."""
    grouped: dict[object, list[Sample]] = {}
    for before, sample in zip([samples[0], *samples], samples, strict=False):
        day = new_york_date(sample.instant)
        grouped.setdefault(sample.instant if intraday else day, [before] if intraday else []).append(sample)
    return [_bar(group) for group in grouped.values()]


def _bar(group: Sequence[Sample]) -> wire.Json:
    values = {
        "": [one.net_liquidation for one in group],
        "pending-cash-": [one.pending for one in group],
        "total-": [one.net_liquidation + one.pending for one in group],
    }
    body: wire.Json = {"time": f"{group[-1].instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00"}
    for name, known in values.items():
        ends = {"open": known[0], "high": max(known), "low": min(known), "close": known[-1]}
        body |= {f"{name}{key}": wire.plain(value) for key, value in ends.items()}
    return body
