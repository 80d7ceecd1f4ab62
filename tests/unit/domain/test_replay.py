"""Replaying the journal: the first step that does not fit is named, and so is what stands elsewhere."""

from __future__ import annotations

import pytest

from senex.domain.replay import Replay, Step


def replay(*steps: tuple[str, str | None, str]) -> Replay:
    done = Replay()
    for kind, before, after in steps:
        done.take(Step(kind, "1", before, after))
    return done


STORY = (
    ("position", None, "pending_entry"),
    ("order", None, "intended"),
    ("attempt", None, "prepared"),
    ("attempt", "prepared", "sending"),
    ("attempt", "sending", "accepted"),
    ("order", "intended", "working"),
    ("order", "working", "filled"),
    ("position", "pending_entry", "open_full"),
)
END = {"position 1": "open_full", "order 1": "filled", "attempt 1": "accepted"}


def test_a_story_leads_to_what_the_tables_say() -> None:
    done = replay(*STORY)
    assert done.compare(END) is None
    assert (done.steps, done.objects) == (8, 3)


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        (END | {"order 1": "working"}, "order 1 is working in the tables, and the journal leads to filled"),
        (
            END | {"order 2": "intended"},
            "order 2 is intended in the tables, and the journal leads to nothing",
        ),
        (
            {name: END[name] for name in ("order 1", "attempt 1")},
            "position 1 is nothing in the tables, and the journal leads to open_full",
        ),
    ],
)
def test_what_stands_elsewhere_is_named(tables: dict[str, str], problem: str) -> None:
    assert replay(*STORY).compare(tables) == problem


def test_what_ended_without_a_fill_may_have_been_forgotten() -> None:
    ended = replay(
        ("order", None, "cancelled"),
        ("attempt", None, "accepted"),
        ("suggestion", None, "pending"),
        ("suggestion", "pending", "expired"),
    )
    assert ended.compare({}) is None
    assert replay(*STORY).compare({"position 1": "open_full"}) == (
        "order 1 is nothing in the tables, and the journal leads to filled"
    )


def test_a_step_that_does_not_follow_is_named_and_the_first_one_stays() -> None:
    done = replay(
        ("order", None, "intended"), ("order", "working", "filled"), ("order", "expired", "working")
    )
    assert done.compare({}) == "order 1 went from working to filled, but had been intended"
    assert replay(("order", "working", "filled")).problem == (
        "order 1 went from working to filled, but had been nothing"
    )


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("order", "filled", "cancelled"),
        ("order", "filled", "working"),
        ("attempt", "prepared", "accepted"),
        ("attempt", "refused", "sending"),
        ("suggestion", "pending", "executed"),
        ("suggestion", "expired", "approved"),
    ],
)
def test_a_step_the_transition_tables_forbid_is_named(kind: str, before: str, after: str) -> None:
    assert replay((kind, None, before), (kind, before, after)).problem == (
        f"{kind} 1 went from {before} to {after}, which it may not"
    )


def test_a_recorded_correction_is_allowed() -> None:
    assert replay(("order", None, "cancelled"), ("order", "cancelled", "unknown")).problem is None
