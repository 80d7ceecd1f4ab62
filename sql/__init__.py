"""The schema's history (Alembic) and the plain SQL beside it."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> str:
    """The text of a plain SQL file of this package."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
