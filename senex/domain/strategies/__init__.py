"""Strategies by name: one file per family, all over one leg model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.errors import UsageProblem
from senex.domain.strategies import trident
from senex.domain.strategies.base import Refusal, Strategy, StrategyInputs, Structure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["REGISTRY", "Refusal", "Strategy", "StrategyInputs", "Structure", "strategy"]

REGISTRY: Mapping[str, Callable[[], Strategy]] = {trident.NAME: trident.Trident}


def strategy(name: str) -> Strategy:
    """The strategy called ``name`` with its default settings.

    Raises:
        UsageProblem: ``E_STRATEGY_UNKNOWN``, naming those there are.
    """
    build = REGISTRY.get(name)
    if build is None:
        known = ", ".join(sorted(REGISTRY))
        raise UsageProblem("E_STRATEGY_UNKNOWN", f"There is no strategy {name!r}; senex knows {known}.")
    return build()
