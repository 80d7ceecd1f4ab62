"""What keys decide: confirmed, in the operator's words, once, and answered on the screen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Static

from senex.services.live import worst_loss
from tests.tui import console_world as w
from tui import format as fmt
from tui.screens.dialogs import Confirm, Detail
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


def toasts(world: w.World) -> list[str]:
    return [toast.message for toast in world.app._notifications]


async def answered(pilot: Pilot[None], world: w.World) -> None:
    await w.until(pilot, lambda: toasts(world))


async def test_approve_binds_what_was_shown(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a", "y")
        await answered(pilot, world)
        shown = w.suggestion()
        assert world.decider.made == [("approve", shown.id, 1, shown.digest, w.NOW, None)]
        assert "carried out" in toasts(world)[0]


@pytest.mark.parametrize("keys", [("n",), ("escape",)])
async def test_a_no_decides_nothing(tmp_path: Path, keys: tuple[str, ...]) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a", *keys)
        await pilot.pause()
        assert world.decider.made == []


async def test_enter_alone_does_not_approve(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a", "enter", "enter")
        await pilot.pause()
        assert world.decider.made == []
        assert isinstance(world.app.screen, Confirm)


async def test_live_approval_needs_the_passphrase(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), environment="live")
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a", "enter")
        await pilot.pause()
        assert world.decider.made == []
        await pilot.press(*"yes", "enter")
        await answered(pilot, world)
        assert world.decider.made[0][-1] == "yes"


async def test_stale_prices_cannot_be_approved(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), quotes_at=w.NOW - timedelta(seconds=61))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a")
        await answered(pilot, world)
        assert not isinstance(world.app.screen, Confirm)
        assert world.decider.made == []
        assert "61 s old" in toasts(world)[0]


async def test_prices_that_grow_old_in_the_dialog_are_not_approved(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a")
        await pilot.pause()
        world.clock.at += timedelta(seconds=90)
        await pilot.press("y")
        await answered(pilot, world)
        assert world.decider.made == []


async def test_a_market_that_left_the_band_needs_a_new_look(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(suggestions=(w.suggestion(band_low=w.D("4.30")),)))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a")
        await answered(pilot, world)
        assert "band" in toasts(world)[0]
        assert world.decider.made == []


async def test_a_suggestion_priced_long_ago_says_so(tmp_path: Path) -> None:
    old = w.suggestion(priced_at=w.NOW - timedelta(minutes=11))
    world = w.build(tmp_path, shown=w.snapshot(suggestions=(old,)))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a")
        await answered(pilot, world)
        assert "10 minutes" in toasts(world)[0]
        assert world.decider.made == []


async def test_a_refusal_shows_its_reason_and_code(tmp_path: Path) -> None:
    decider = w.FakeDecider(outcome="refused", message="The suggestion is already approved.")
    world = w.build(tmp_path, shown=w.snapshot(), decider=decider)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a", "y")
        await answered(pilot, world)
        assert "already approved" in toasts(world)[0]
        assert "E_TEST" in toasts(world)[0]


async def test_many_reasons_do_not_cover_the_screen(tmp_path: Path) -> None:
    reasons = (
        "strike in use: QQQ   260717P00500000 by an order",
        *(f"limit {n} is broken" for n in range(1, 6)),
    )
    decider = w.FakeDecider(
        outcome="refused", message=f"Refused: {reasons[0]}.", reasons=reasons, suggestion_id=w.suggestion().id
    )
    world = w.build(tmp_path, shown=w.snapshot(), decider=decider)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a", "y")
        await answered(pilot, world)
        said = toasts(world)[0]
        assert said.splitlines() == [
            "Approve QQQ Senex Trident refused: strike in use: QQQ 500 put 17 Jul by an order. [E_TEST]",
            "and 5 more reasons (2 Approvals)",
        ]
        panel = world.app.screen.query_one("#refused", Panel)
        assert panel.display
        assert "QQQ 500 put 17 Jul" in panel.render().plain
        assert all(reason in panel.render().plain for reason in reasons[1:])


async def test_reasons_without_a_suggestion_are_said_at_once(tmp_path: Path) -> None:
    reasons = tuple(f"rule {number}" for number in range(4))
    decider = w.FakeDecider(outcome="refused", message="No trade.", reasons=reasons)
    world = w.build(tmp_path, shown=w.snapshot(), decider=decider)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("s", "enter")
        await answered(pilot, world)
        assert toasts(world)[0].splitlines()[1:] == [
            "· rule 0",
            "· rule 1",
            "and 2 more reasons",
        ]


async def test_a_halted_account_is_said_before_anybody_approves(tmp_path: Path) -> None:
    shown = w.snapshot(accounts=(replace(w.account(), trading_state="halted", state_reason="storm"),))
    world = w.build(tmp_path, shown=shown)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a")
        await answered(pilot, world)
        assert "the account is halted" in toasts(world)[0]
        assert world.decider.made == []


async def test_an_underlying_with_an_unknown_order_is_said(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "n", "a")
        await answered(pilot, world)
        assert "an earlier SPY order is not known" in toasts(world)[0]
        assert world.decider.made == []


async def test_an_approval_names_the_loss_at_the_end_of_its_band(tmp_path: Path) -> None:
    shown = w.suggestion()
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a")
        await pilot.pause()
        said = str(world.app.screen.query_one("#text", Static).content)
        assert worst_loss(shown) > abs(shown.max_loss)
        assert f"at worst {fmt.money(worst_loss(shown))} can be lost" in said


async def test_the_kill_switch_answers_over_a_question_too(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a", "K", "h", "y")
        await answered(pilot, world)
        assert [made[0] for made in world.decider.made] == ["set_state"]
        assert isinstance(world.app.screen, Confirm), "the question still waits"


async def test_reject_takes_a_reason(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "r", "enter", *"no", "enter")
        await answered(pilot, world)
        assert world.decider.made == [("reject", w.suggestion().id, "no")]


async def test_next_and_previous_turn_round(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "n", "r", *"x", "enter")
        await answered(pilot, world)
        await pilot.press("n", "r", *"y", "enter")
        await w.until(pilot, lambda: len(world.decider.made) == 2)
        assert [made[1] for made in world.decider.made] == [w.key("suggestion two"), w.key("suggestion one")]


async def test_the_review_stays_on_its_suggestion_while_others_come(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "n")
        newer = w.suggestion("three", created_at=w.NOW)
        world.books.shown = w.snapshot(suggestions=(newer, *w.snapshot().suggestions))
        world.hint()
        await w.until(pilot, lambda: len(world.app.state.pending) == 3)
        await pilot.press("r", *"x", "enter")
        await answered(pilot, world)
        assert world.decider.made[0][1] == w.key("suggestion two")


async def test_suggest_checks_the_symbol(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.empty())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("s", *"!!", "enter")
        await pilot.pause()
        assert world.decider.made == []
        await pilot.press("end", *["backspace"] * 5, *"spy", "enter")
        await answered(pilot, world)
        assert world.decider.made == [("suggest", w.ACCOUNT, "SPY")]
        await pilot.press("s", "enter")
        await w.until(pilot, lambda: len(world.decider.made) == 2)
        assert world.decider.made[1] == ("suggest", w.ACCOUNT, "SPY"), "the last symbol stands there"


async def test_a_suggestion_that_is_in_the_books_before_its_answer_is_shown(tmp_path: Path) -> None:
    decider = w.FakeDecider(suggestion_id=w.key("suggestion two"))
    world = w.build(tmp_path, shown=w.snapshot(), decider=decider)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("s", "enter")
        await w.until(pilot, lambda: world.app.current_mode == "approvals")
        await pilot.press("r", *"x", "enter")
        await w.until(pilot, lambda: len(world.decider.made) == 2)
        assert world.decider.made[1][1] == w.key("suggestion two")


async def test_a_suggestion_that_was_asked_for_is_shown(tmp_path: Path) -> None:
    decider = w.FakeDecider(suggestion_id=w.key("suggestion two"))
    world = w.build(tmp_path, shown=w.empty(), decider=decider)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("s", "enter")
        await w.until(pilot, lambda: world.app.current_mode == "approvals")
        world.books.shown = w.snapshot()
        world.hint()
        await w.until(pilot, lambda: world.app.state.pending)
        await pilot.press("r", *"x", "enter")
        await w.until(pilot, lambda: len(world.decider.made) == 2)
        assert world.decider.made[1][1] == w.key("suggestion two")


@pytest.mark.parametrize(("choice", "state"), [("r", "reduce_only"), ("h", "halted"), ("a", "active")])
async def test_the_kill_switch_is_confirmed(tmp_path: Path, choice: str, state: str) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("K", choice)
        await pilot.pause()
        assert world.decider.made == []
        await pilot.press("y")
        await answered(pilot, world)
        assert world.decider.made == [("set_state", w.ACCOUNT, state, "set by ann", None)]


async def test_cancel_is_confirmed_and_only_for_what_works(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("4", "c")
        await answered(pilot, world)
        assert "nothing to cancel" in toasts(world)[0]
        await pilot.press("down", "c", "y")
        await w.until(pilot, lambda: world.decider.made)
        assert world.decider.made[0][:2] == ("cancel_order", w.target("put-1", "-0.82", 0).id)


def _said(world: w.World, where: str) -> str:
    return str(world.app.screen.query_one(where, Static).content)


async def test_a_new_limit_is_asked_for_and_confirmed_in_money(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("4", "e")
        await answered(pilot, world)
        assert "cannot be repriced" in toasts(world)[0]
        await pilot.press("down", "e")
        await pilot.press("end", *["backspace"] * 8, *"x", "enter")
        assert "is no price" in _said(world, "#problem")
        await pilot.press("backspace", *"0.90", "enter")
        await pilot.pause()
        assert all(part in _said(world, "#text") for part in ("$90", "$82", "worse"))
        await pilot.press("y")
        await w.until(pilot, lambda: world.decider.made)
        order = w.target("put-1", "-0.82", 0)
        assert world.decider.made[0] == ("replace_order", order.id, Decimal("-0.90"), "repriced by ann", None)


async def test_a_silent_daemon_is_said(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), decider=w.FakeDecider(silent=True))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("S")
        await answered(pilot, world)
        assert "not answered" in toasts(world)[0]


async def test_the_kill_switch_opens_over_a_detail(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("3", "enter", "K", "h", "y")
        await answered(pilot, world)
        assert world.decider.made[0][0] == "set_state"


async def test_the_second_account_is_one_key_away(tmp_path: Path) -> None:
    second = w.account(id=w.key("second"), number="5SX00043")
    world = w.build(tmp_path, shown=w.snapshot(accounts=(w.account(), second)))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("A", "K", "h", "y")
        await answered(pilot, world)
        assert world.decider.made[0][1] == w.key("second")
        assert replace(second) == world.app.state.account


async def test_live_entries_are_allowed_again_only_with_the_passphrase(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), environment="live")
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("K", "a")
        await pilot.pause()
        await pilot.press(*"word", "enter")
        await answered(pilot, world)
        assert world.decider.made == [("set_state", w.ACCOUNT, "active", "set by ann", "word")]
        await pilot.press("K", "h", "y")
        await w.until(pilot, lambda: len(world.decider.made) == 2)
        assert world.decider.made[1][-1] is None, "a halt never waits for a passphrase"


async def test_an_alarm_is_acknowledged_from_home(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(alarms=w.alarms()))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("1", "a", "y")
        await answered(pilot, world)
        assert world.decider.made == [("acknowledge", w.alarm().id, w.ACCOUNT, "seen by ann")]


async def test_alarms_that_were_all_seen_are_shown_and_none_says_so(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(alarms=w.alarms()[2:]))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("1", "a")
        await w.until(pilot, lambda: isinstance(world.app.screen, Detail))
        await pilot.press("escape")
        world.books.shown = w.snapshot()
        world.hint()
        await w.until(pilot, lambda: (now := world.app.state.snapshot) is not None and not now.alarms)
        await pilot.press("a")
        await answered(pilot, world)
        assert toasts(world) == ["There is no alarm."]
        assert world.decider.made == []


async def test_reconcile_looks_first_and_mends_what_is_marked_after_a_yes(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("1", "R")
        await w.until(pilot, lambda: "77120345" in said(world, "text"))
        assert world.decider.made == [("reconcile", w.ACCOUNT, True, (), "")]
        await pilot.press("space", "enter", "n")
        await pilot.pause()
        assert len(world.decider.made) == 1
        await pilot.press("enter", "y")
        await w.until(pilot, lambda: len(world.decider.made) == 2)
        assert world.decider.made[1] == ("reconcile", w.ACCOUNT, False, ("77120345",), "by ann")


async def test_a_daemon_that_does_not_answer_is_said_in_the_reconcile(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    world.decider.silent = True
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("1", "R")
        await w.until(pilot, lambda: "E_DAEMON_SILENT" in said(world, "said"))


def said(world: w.World, name: str) -> str:
    """What a part of the dialog shows."""
    found = world.app.screen.query(f"#{name}")
    return str(found.first(Static).content) if found else ""


async def test_a_close_says_what_it_brings_and_names_the_row(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(120, 40)) as pilot:
        await world.ready(pilot)
        await pilot.press("3", "c")
        await pilot.pause()
        said = _said(world, "#text")
        assert "Together" in said
        assert "its target is cancelled first" in said
        await pilot.press("n", "down", "c", "y")
        await answered(pilot, world)
        decided = ("close_position", w.position().id, "put-1", "closed by ann")
        assert world.decider.made == [decided]


async def test_targets_are_set_again_after_a_yes(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("3", "t", "y")
        await answered(pilot, world)
        assert world.decider.made == [("restore_targets", w.position().id, "asked for by ann")]


async def test_flatten_wants_the_word_typed(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("K", "f", *"flat", "enter")
        await pilot.pause()
        assert world.decider.made == []
        assert "Type 'flatten'" in _said(world, "#problem")
        await pilot.press(*"ten", "enter")
        await answered(pilot, world)
        assert world.decider.made == [("flatten", w.ACCOUNT, "flattened by ann")]
