"""Missing data is a value that says why (house rule 10)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact senex does not have. ``why`` is a sentence for the operator."""

    why: str
