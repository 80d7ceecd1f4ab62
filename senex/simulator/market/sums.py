"""Sums that are the same in every Python: the built-in one rounds differently since 3.12."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def total(numbers: Iterable[float]) -> float:
    """The numbers added one after the other."""
    found = 0.0
    for number in numbers:
        found += number
    return found
