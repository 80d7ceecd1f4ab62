"""The settings of the limits; every one may differ by account (``SENEX_ACCOUNT_LIMITS``)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from senex.domain.limits import LimitBook

if TYPE_CHECKING:
    from collections.abc import Mapping

Share = Annotated[Decimal, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Number = Annotated[int, Field(ge=0, le=1_000_000)]
Dollars = Annotated[Decimal, Field(gt=0)]


class AccountLimits(BaseModel):
    """What differs for one account; the names are those of the settings without ``SENEX_LIMIT_``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    position_share: Share | None = None
    underlying_share: Share | None = None
    expiry_share: Share | None = None
    max_open_positions: Count | None = None
    max_contracts: Count | None = None
    entries_per_minute: Count | None = None
    entries_per_day: Count | None = None
    exits_per_minute: Count | None = None
    exits_per_day: Count | None = None
    daily_loss_share: Share | None = None
    leg_width: Dollars | None = None
    leg_width_share: Share | None = None
    leg_open_interest: Number | None = None
    leg_volume: Number | None = None


class LimitFields(BaseModel):
    """The limits of every account whose own do not say otherwise."""

    limit_position_share: Annotated[
        Share, Field(default=Decimal("0.10"), description="Most risk of one position, share of capital.")
    ]
    limit_underlying_share: Annotated[
        Share, Field(default=Decimal("0.25"), description="Most risk on one underlying, share of capital.")
    ]
    limit_expiry_share: Annotated[
        Share, Field(default=Decimal("0.40"), description="Most risk expiring on one day, share of capital.")
    ]
    limit_max_open_positions: Annotated[Count, Field(default=5, description="Most open positions.")]
    limit_max_contracts: Annotated[
        Count, Field(default=100, description="Most contracts of one entry, over all its legs.")
    ]
    limit_entries_per_minute: Annotated[
        Count, Field(default=10, description="Most entries sent in a minute.")
    ]
    limit_entries_per_day: Annotated[Count, Field(default=100, description="Most entries sent in a day.")]
    limit_exits_per_minute: Annotated[
        Count,
        Field(
            default=60,
            description="Most closing orders sent in a minute, a budget of their own; cancels are free.",
        ),
    ]
    limit_exits_per_day: Annotated[
        Count, Field(default=1000, description="Most closing orders sent in a day.")
    ]
    limit_daily_loss_share: Annotated[
        Share,
        Field(
            default=Decimal("0.03"),
            description="Loss since the last close that ends entries, share of net liquidation then.",
        ),
    ]
    limit_leg_width: Annotated[
        Dollars,
        Field(
            default=Decimal("0.30"),
            description="Bid and ask of an entry's leg may be so many dollars apart …",
        ),
    ]
    limit_leg_width_share: Annotated[
        Share, Field(default=Decimal("0.10"), description="… or this share of its mid, whichever is more.")
    ]
    limit_leg_open_interest: Annotated[
        Number,
        Field(default=100, description="A leg suggested must have so many contracts open …"),
    ]
    limit_leg_volume: Annotated[Number, Field(default=100, description="… or so many traded today.")]
    account_limits: Annotated[
        dict[str, AccountLimits],
        Field(
            default_factory=dict,
            description='What differs for some accounts, as JSON by number: {"5WX00001": {"max_open_positions": 3}}.',
        ),
    ]

    def limit_book(self) -> LimitBook:
        """The limits as the rules take them."""
        common: Mapping[str, Decimal | int] = {
            name: getattr(self, f"limit_{name}") for name in AccountLimits.model_fields
        }
        own = {number: limits.model_dump(exclude_none=True) for number, limits in self.account_limits.items()}
        return LimitBook(common, own)
