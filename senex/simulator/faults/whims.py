"""The exchange's whims as the fault rules ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.simulator.whims import Race, Whims

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.simulator.books.records import Order
    from senex.simulator.faults.catalogue import Rule
    from senex.simulator.faults.rules import Rules


class RuledWhims(Whims):
    """Surprises where a rule asks for one, counted down by the asking."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def units(self, order: Order) -> int | None:
        """How many reduced units fill on this tick."""
        del order
        rule = self._rules.find(("fills",), ("partial",)) if self._rules.all else None
        return None if rule is None else rule.units

    def straggler(self, order: Order) -> str | None:
        """The leg that gets nothing on this tick: the rule's symbol, or the first."""

        def has_it(rule: Rule) -> bool:
            return rule.order in (None, order.id) and (
                rule.symbol is None or any(leg.symbol == rule.symbol for leg in order.legs)
            )

        rule = self._rules.take(("fills",), ("broken-ratio",), has_it)
        return None if rule is None else rule.symbol or order.legs[0].symbol

    def race(self, order: Order) -> Race | None:
        """Who wins against a cancellation."""
        rule = self._rules.take(("cancel",), ("fill-wins", "cancel-wins"), _about(order))
        return None if rule is None else Race.FILL if rule.mode == "fill-wins" else Race.CANCEL

    def overtaken(self, order: Order) -> bool:
        """Whether the order fills before its replacement."""
        return self._rules.take(("replace",), ("overtaken",), _about(order)) is not None

    def reject(self, order: Order) -> str | None:
        """Why the order is rejected on its way."""
        rule = self._rules.take(("orders",), ("reject",), _about(order))
        return None if rule is None else rule.text or "Rejected by the exchange"


def _about(order: Order) -> Callable[[Rule], bool]:
    return lambda rule: rule.symbol in (None, order.underlying) and rule.order in (None, order.id)
