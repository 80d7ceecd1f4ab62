"""The rules that are in force, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from senex.simulator.faults.catalogue import Rule


def _any(_: Rule) -> bool:
    return True


class Rules:
    """Adds, finds and counts down rules. ``now`` is the market's instant."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.all: list[Rule] = []

    def add(self, rule: Rule) -> None:
        """Put a rule in force, from its instant on."""
        if rule.at is None:
            rule.at = self.now()
        self.all.append(rule)

    def due(self, rule: Rule) -> bool:
        """Whether a rule's instant has come."""
        return rule.at is None or rule.at <= self.now()

    def find(
        self, endpoints: Collection[str], modes: Collection[str], matches: Callable[[Rule], bool] = _any
    ) -> Rule | None:
        """The first rule in force for endpoints, not counted."""
        for rule in self.all:
            if (
                rule.mode in modes
                and rule.endpoint in endpoints
                and not rule.fault.action
                and self.due(rule)
                and matches(rule)
            ):
                return rule
        return None

    def take(
        self, endpoints: Collection[str], modes: Collection[str], matches: Callable[[Rule], bool] = _any
    ) -> Rule | None:
        """The first rule in force for endpoints, counted down."""
        rule = self.find(endpoints, modes, matches)
        if rule is not None and rule.count is not None:
            rule.count -= 1
            if rule.count <= 0:
                self.all.remove(rule)
        return rule

    def actions(self) -> list[Rule]:
        """The things to do now, which are rules no longer."""
        found = [rule for rule in self.all if rule.fault.action and self.due(rule)]
        for rule in found:
            self.all.remove(rule)
        return found
