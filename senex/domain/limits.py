"""The limits of an account, and how a rule says which of them was met.

Shares are fractions of one, amounts dollars, prices dollars per share.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Preset:
    """How much of the tradeable capital may be at risk, and when to warn (shares of that budget).

    There is no stressed tolerance above the normal one: a market under stress
    is no reason to risk more (DOMAIN E.1).
    """

    name: str
    tolerance: Decimal
    high_warning: Decimal
    medium_warning: Decimal


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("conservative", Decimal("0.40"), Decimal("0.80"), Decimal("0.65")),
        Preset("moderate", Decimal("0.50"), Decimal("0.85"), Decimal("0.70")),
        Preset("aggressive", Decimal("0.60"), Decimal("0.90"), Decimal("0.75")),
    )
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one account (DOMAIN E.3, 0.4).

    A leg whose bid and ask are no more than ``leg_width`` dollars or
    ``leg_width_share`` of its mid apart is liquid enough; and one of which ``leg_open_interest`` contracts
    are open, or ``leg_volume`` have traded today.
    """

    preset: Preset
    position_share: Decimal = Decimal("0.10")
    underlying_share: Decimal = Decimal("0.25")
    expiry_share: Decimal = Decimal("0.40")
    max_open_positions: int = 5
    max_contracts: int = 100
    entries_per_minute: int = 10
    entries_per_day: int = 100
    exits_per_minute: int = 60
    exits_per_day: int = 1000
    daily_loss_share: Decimal = Decimal("0.03")
    leg_width: Decimal = Decimal("0.30")
    leg_width_share: Decimal = Decimal("0.10")
    leg_open_interest: int = 100
    leg_volume: int = 100


@dataclass(frozen=True, slots=True)
class LimitBook:
    """The limits of every account: what was set for all, and by account number what differs there."""

    common: Mapping[str, Decimal | int] = field(default_factory=dict)
    accounts: Mapping[str, Mapping[str, Decimal | int]] = field(default_factory=dict)

    def of(self, number: str, preset: str) -> Limits:
        """The limits of the account with this number and risk preset."""
        changed = {**self.common, **self.accounts.get(number, {})}
        return replace(Limits(PRESETS[preset]), **changed)  # type: ignore[arg-type]  # settings give each its type


class Weight(StrEnum):
    """Whether a finding forbids or only warns."""

    BLOCKS = "blocks"
    WARNS = "warns"


@dataclass(frozen=True, slots=True)
class Finding:
    """One limit that was met: its name, its value now, what would pass."""

    limit: str
    value: str
    needed: str
    weight: Weight = Weight.BLOCKS

    def __str__(self) -> str:
        return f"{self.limit}: {self.value}; {self.needed}"
