"""Replay the journal: each suggestion, order, attempt and position is led from nothing to where it stands by steps.

What the tables say must be where the steps lead; where it is not, a row was
changed behind the journal's back, or a change was not written down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from senex.domain.orders import AttemptStatus, IllegalTransition, OrderStatus, advance, advance_attempt
from senex.domain.suggestions import MAY_BECOME, SuggestionStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

TRANSITION = "transition"
"""The action of the audit's rows that are replayed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a status. ``before`` is None where the thing came to be."""

    kind: str
    object_id: str
    before: str | None
    after: str

    @property
    def name(self) -> str:
        """What it is a step of."""
        return f"{self.kind} {self.object_id}"


@dataclass(slots=True)
class Replay:
    """Takes steps in the order in which they were written. ``problem`` is the first that does not fit."""

    steps: int = 0
    problem: str | None = None
    _states: dict[str, str] = field(default_factory=dict)

    @property
    def objects(self) -> int:
        """How many suggestions, orders, attempts and positions there are."""
        return len(self._states)

    def take(self, step: Step) -> None:
        """Lead one thing one step on."""
        self.steps += 1
        known = self._states.get(step.name)
        if self.problem is None and step.before != known:
            self.problem = (
                f"{step.name} went from {_said(step.before)} to {step.after}, but had been {_said(known)}"
            )
        if self.problem is None and not _legal(step):
            self.problem = f"{step.name} went from {_said(step.before)} to {step.after}, which it may not"
        self._states[step.name] = step.after

    def compare(self, tables: Mapping[str, str]) -> str | None:
        """The first thing that is not where its steps lead, given what the tables say by ``Step.name``."""
        if self.problem is not None:
            return self.problem
        for name in sorted(tables.keys() | self._states.keys()):
            led, found = self._states.get(name), tables.get(name)
            if led != found and not (found is None and led in _FORGOTTEN.get(name.partition(" ")[0], ())):
                return f"{name} is {_said(found)} in the tables, and the journal leads to {_said(led)}"
        return None


_FORGOTTEN: Mapping[str, frozenset[str]] = {
    "order": frozenset(
        {OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.REPLACED}
    ),
    "attempt": frozenset({AttemptStatus.ACCEPTED, AttemptStatus.REFUSED, AttemptStatus.ABANDONED}),
    "suggestion": frozenset({SuggestionStatus.EXPIRED, SuggestionStatus.REJECTED}),
}
"""What may be gone from the tables after its time: what ended without a fill, its attempts, what nobody approved."""


def _said(status: str | None) -> str:
    return status or "nothing"


def _legal(step: Step) -> bool:
    """Whether the transition tables allow it; an ended order goes to unknown as a recorded correction (I7)."""
    if step.before is None:
        return True
    try:
        if step.kind == "attempt":
            return advance_attempt(AttemptStatus(step.before), AttemptStatus(step.after)) == step.after
        if step.kind == "order":
            correction = step.after == OrderStatus.UNKNOWN
            return correction or advance(OrderStatus(step.before), OrderStatus(step.after)) == step.after
        if step.kind == "suggestion":
            return SuggestionStatus(step.after) in MAY_BECOME.get(SuggestionStatus(step.before), ())
    except IllegalTransition:
        return False
    return True
