"""What must never be missing, to be taken away by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Named:
    """Something that must not be missing: a text of a module to be replaced, or statements on the template."""

    what: str
    module: str = ""
    text: str = ""
    instead: str = ""
    sql: str = ""

    def source(self) -> str:
        """The module without it; empty where the database is changed."""
        if not self.module:
            return ""
        source = Path(self.module).read_text(encoding="utf-8")
        if self.text not in source:
            raise SystemExit(f"{self.what}: the text to take away is not in {self.module}")
        return source.replace(self.text, self.instead)


INDEXES = (
    "decision_once",
    "one_entry",
    "one_replacement",
    "one_target",
    "one_exit_order",
    "one_live_attempt",
    "one_active_exit",
    "one_open_alarm",
)
UNIQUE = (
    ("position", "suggestion_id"),
    ("trade_order", "account_id_broker_order_id"),
    ("order_leg", "order_id_symbol"),
    ("attempt", "order_id_number"),
    ("attempt", "external_identifier"),
    ("attempt", "account_id_broker_order_id"),
    ("fill", "order_id_symbol_fill_id"),
    ("fill", "ledger_id_fill_id"),
    ("ledger_entry", "account_id_broker_id"),
    ("outbox", "dedupe_key"),
)
NAMED = (
    Named(
        "the compare-and-swap's status",
        "senex/store/repositories/orders.py",
        "WHERE id = :attempt AND status = :before",
        "WHERE id = :attempt AND :before = :before",
    ),
    Named(
        "the commit before the POST",
        "senex/services/execute.py",
        'took this order; senex looks again.")\n        await tx.commit()',
        'took this order; senex looks again.")',
    ),
    *(Named(f"the index {name}", sql=f"DROP INDEX {name}") for name in INDEXES),
    *(
        Named(
            f"that {columns} of {table} are unique",
            sql=f"ALTER TABLE {table} DROP CONSTRAINT {table}_{columns}_key",
        )
        for table, columns in UNIQUE
    ),
)
