"""How Postgres' decimals are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.numeric import NumericLoader

from senex.domain.money import plain

if TYPE_CHECKING:
    from decimal import Decimal

    from psycopg.abc import Buffer


class PlainLoader(NumericLoader):
    """Decimals without the zeros their column's scale adds, so that 9.4 does not become 9.4000000000."""

    def load(self, data: Buffer) -> Decimal:
        return plain(super().load(data))
