"""The connection pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def open_engine(url: str, *, size: int = 5, overflow: int = 15) -> AsyncEngine:
    """A pool on ``url``; nothing is connected yet."""
    return create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=size,
        max_overflow=overflow,
        pool_recycle=600,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5},
    )
