"""Column types and checks that the tables share."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Numeric,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

from senex.domain.money import plain


class Plain(TypeDecorator[Decimal]):
    """A decimal without the column's trailing zeros, so that 9.4 does not become 9.4000000000."""

    impl = Numeric
    cache_ok = True

    def process_result_value(self, value: Decimal | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else plain(value)


PRICE = Plain(20, 10)
MONEY = Plain(18, 4)
SHARE = Plain(7, 4)
TIME = DateTime(timezone=True)


def one_of(column: str, values: object) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]  # an enum or a tuple
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Origins:
    """Where a row came from."""

    ALL = ("strategy", "manual", "adopted", "roll")
