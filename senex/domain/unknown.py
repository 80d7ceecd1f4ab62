"""Missing data is a value that says why (house rule 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact senex does not have. ``why`` is a sentence for the operator."""

    why: str


def known(value: T | Unknown) -> T | None:
    """The value; None where it is not known and a column or a sum has no room for why."""
    return None if isinstance(value, Unknown) else value
