"""Which schema this senex needs."""

from __future__ import annotations

from senex.store.schema import head

_FIRST = 'revision = "0001"\ndown_revision = None\n'
_SECOND = 'revision: str = "0002"\ndown_revision: str | None = "0001"\n'


def test_the_head_is_what_no_migration_replaces() -> None:
    assert head([_SECOND, _FIRST]) == ("0002", frozenset({"0001", "0002"}))
