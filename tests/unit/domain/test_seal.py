"""The audit's hash chain: whatever is done to a sealed row, or to a seal, shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.seal import NO_ACCOUNT, AuditRow, Seal, broken, digest_of, seal

ACCOUNT = UUID(int=5)
NOON = datetime(2026, 6, 2, 16, tzinfo=UTC)


def row(serial: int, **other: Any) -> AuditRow:
    plain = AuditRow(
        serial, UUID(int=serial), NOON, ACCOUNT, "trader", "order filled", "order", "7", "working", None, ""
    )
    return replace(plain, **other)


ROWS = (row(3), row(4, before=None), row(9, why="naïve \n text"))


def chain_of(*batches: tuple[AuditRow, ...]) -> list[Seal]:
    seals: list[Seal] = []
    for rows in batches:
        seals.append(seal(rows, chain=ACCOUNT, after=seals[-1] if seals else None))
    return seals


def test_an_untouched_chain_holds() -> None:
    first, second = chain_of(ROWS, (row(12),))
    assert (first.ordinal, first.first_serial, first.last_serial, first.rows) == (1, 3, 9, 3)
    assert second.previous == first.digest
    assert broken(first, ROWS, after=None) is None
    assert broken(second, (row(12),), after=first) is None


@given(
    index=st.integers(0, 2),
    change=st.sampled_from(
        [
            {"why": "other"},
            {"before": ""},
            {"after": "filled"},
            {"actor": "daemon"},
            {"at": NOON + timedelta(microseconds=1)},
            {"account_id": NO_ACCOUNT},
            {"object_id": "8"},
            {"serial": 10},
        ]
    ),
)
def test_a_changed_row_breaks_its_seal(index: int, change: dict[str, Any]) -> None:
    (sealed,) = chain_of(ROWS)
    changed = [*ROWS]
    changed[index] = replace(changed[index], **change)
    assert "not what was sealed" in str(broken(sealed, changed, after=None))


def test_rows_removed_or_added_break_it() -> None:
    (sealed,) = chain_of(ROWS)
    assert "covers 3 rows and 2" in str(broken(sealed, ROWS[:2], after=None))
    assert "covers 3 rows and 4" in str(broken(sealed, (*ROWS, row(5)), after=None))


def test_a_removed_seal_shows_in_the_next() -> None:
    first, second, third = chain_of(ROWS, (row(12),), (row(13),))
    assert "does not follow" in str(broken(third, (row(13),), after=first))
    assert "does not follow" in str(broken(second, (row(12),), after=None))


def test_a_digest_is_the_same_in_every_time_zone() -> None:
    there = [replace(one, at=one.at.astimezone(timezone(timedelta(hours=9)))) for one in ROWS]
    assert digest_of(there, previous="x") == digest_of(ROWS, previous="x")


@pytest.mark.parametrize("split", [1, 2])
def test_where_a_text_ends_counts(split: int) -> None:
    joined = row(1, actor="ab", action="c")
    moved = row(1, actor="ab"[:split], action="ab"[split:] + "c")
    assert (digest_of([joined], previous="") == digest_of([moved], previous="")) is (split == 2)
