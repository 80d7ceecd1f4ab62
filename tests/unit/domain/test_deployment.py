"""Which of several deployments of one database is the newer one."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.deployment import ahead, mark_name, next_generation, prefix, replaces
from senex.domain.orders import (
    external_identifier,
    of_another_deployment,
    of_successor,
    of_the_lost_time,
    ours,
    successor,
)

FIRST = UUID(hex="a1b2c3fe" + "0" * 24)


@given(st.uuids(), st.uuids(), st.integers(1, 100))
def test_each_restore_is_newer_than_all_before_it_and_of_the_same_lineage(
    first: UUID, fresh: UUID, restores: int
) -> None:
    line = [first]
    for _ in range(restores):
        line.append(next_generation(line[-1], fresh))
    newest = line[-1]
    name = external_identifier(newest, uuid4(), 1)

    assert {mark_name(each) for each in line} == {mark_name(first)}
    assert ahead(prefix(newest), first) == restores
    assert all(replaces(newest, each) for each in line[:-1])
    assert not any(replaces(each, newest) for each in line)
    assert all(of_successor(name, each) and of_another_deployment(name, each) for each in line[:-1])
    assert ours(name, newest)
    old = external_identifier(first, uuid4(), 1)
    assert ours(old, newest)
    assert of_the_lost_time(old, newest)
    assert not of_the_lost_time(name, newest)
    assert prefix(successor(name)) == prefix(newest)


def test_what_was_replaced_takes_over_behind_the_newest() -> None:
    twin = next_generation(FIRST, uuid4())
    mine = next_generation(FIRST, uuid4())
    third = next_generation(twin, uuid4())

    assert replaces(twin, mine), "of two of one generation the mark's goes on"
    assert replaces(mine, twin)
    assert ahead(prefix(next_generation(mine, uuid4(), after=third)), third) == 1
    assert ahead(prefix(next_generation(mine, uuid4(), after=uuid4())), mine) == 1


@pytest.mark.parametrize(
    "name", [None, "another-app", "senex-", "senex-zz", "senex-a1b2c3zz-1", "senex-000000fe-1"]
)
def test_other_names_are_nobody_s_generation(name: str | None) -> None:
    assert not ours(name, FIRST)
    assert not of_successor(name, FIRST)
    assert not of_the_lost_time(name, FIRST)
