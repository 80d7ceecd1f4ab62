"""Which sources are stale, and how loud an expiration is."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from senex.domain.alarms import Severity
from senex.domain.calendar import NEW_YORK, Session
from senex.domain.watch import WATCHED, Source, expires_today, expiry_severity, stale
from senex.testing import market

NOW = market.NOW


def source(name: str, *, ok: bool = True, minutes: int = 0) -> Source:
    return Source(name, ok, "why not" if not ok else "", NOW - timedelta(minutes=minutes))


def test_what_is_silent_old_or_broken_is_stale() -> None:
    fresh = [source(name) for name in WATCHED]
    assert stale(fresh, NOW) == {}
    assert stale([], NOW).keys() == WATCHED.keys()
    assert stale([*fresh, source("quotes", ok=False)], NOW) == {"quotes": "is not fresh: why not"}
    assert stale([*fresh, source("alerts", minutes=6)], NOW) == {"alerts": "was last heard of 6 minutes ago"}
    assert stale([*fresh, source("balances", minutes=29)], NOW) == {}
    assert stale([*fresh, source("orders", minutes=31)], NOW).keys() == {"orders"}
    assert stale([*fresh, source("bars", ok=False)], NOW) == {}  # what no order waits for is no alarm


def session(day: date) -> Session:
    found = market.calendar().session_on(day)
    assert isinstance(found, Session)
    return found


@pytest.mark.parametrize(
    ("day", "hour", "minute", "severity"),
    [
        (market.DAY, 14, 59, None),
        (market.DAY, 15, 0, Severity.WARNING),
        (market.DAY, 15, 29, Severity.WARNING),
        (market.DAY, 15, 30, Severity.CRITICAL),
        (market.HALF_DAY, 11, 59, None),
        (market.HALF_DAY, 12, 0, Severity.WARNING),
        (market.HALF_DAY, 12, 30, Severity.CRITICAL),
    ],
)
def test_an_expiration_is_warned_of_before_the_real_close(
    day: date, hour: int, minute: int, severity: Severity | None
) -> None:
    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)
    assert expiry_severity(session(day), at) is severity


def test_a_contract_expires_on_the_day_it_stops_trading() -> None:
    today = session(market.DAY)
    at = today.closes + timedelta(minutes=15)
    assert expires_today([at], today)
    assert expires_today([at + timedelta(days=1), at], today)
    assert not expires_today([at + timedelta(days=1)], today)
    assert not expires_today([], today)
