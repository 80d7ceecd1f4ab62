"""Alembic's environment: migrations run in one transaction on the connection they are given."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from senex.store import tables  # noqa: F401  fills the metadata

CONNECTION = "connection"


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave partitions of our partitioned tables to Postgres."""
    return kind != "table" or name in SQLModel.metadata.tables


context.configure(
    connection=context.config.attributes[CONNECTION],
    target_metadata=SQLModel.metadata,
    include_name=ours,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
