"""Which senex this is, and which of several that came of one database may trade.

The first six hex digits of a deployment's namespace are its *lineage*: a database
restored from a backup keeps them. The next two count its *generation*: each
restore takes the next one. Orders carry all eight, and a mark at the broker names
the newest namespace, so that each generation knows an older and a newer one of
its own lineage when it sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

SETTLES = timedelta(minutes=6)
"""How long the mark has to stand before a restored deployment may trade: the old one looks every five minutes."""
_LINEAGE, _DIGITS = 6, 8
_GENERATIONS = 256
_AHEAD = _GENERATIONS // 2


@dataclass(frozen=True, slots=True)
class Deployment:
    """This senex. ``claims`` means that it was restored and the broker has not been told yet."""

    namespace: UUID
    claims: bool = False
    restored_at: datetime | None = None
    claimed_at: datetime | None = None
    replaced_by: UUID | None = None
    """The deployment that has taken its place; nothing is sent then, cancels neither."""


def mark_name(namespace: UUID) -> str:
    """What the mark of a lineage is called at the broker."""
    return f"senex-{namespace.hex[:_LINEAGE]}"


def prefix(namespace: UUID) -> str:
    """The digits that orders carry."""
    return namespace.hex[:_DIGITS]


def next_generation(namespace: UUID, fresh: UUID, *, after: UUID | None = None) -> UUID:
    """The namespace a restored deployment takes; ``after`` is the newest one known, when it was replaced itself."""
    newest = namespace if after is None or ahead(prefix(after), namespace) in (None, 0) else after
    generation = (int(newest.hex[_LINEAGE:_DIGITS], 16) + 1) % _GENERATIONS
    return UUID(hex=f"{namespace.hex[:_LINEAGE]}{generation:02x}{fresh.hex[_DIGITS:]}")


def ahead(digits: str, namespace: UUID) -> int | None:
    """How many generations ``digits`` are ahead of ``namespace`` (older: negative); None for another lineage."""
    mine = namespace.hex[:_DIGITS]
    if len(digits) != _DIGITS or digits[:_LINEAGE] != mine[:_LINEAGE]:
        return None
    try:
        difference = int(digits[_LINEAGE:], 16) - int(mine[_LINEAGE:], 16)
    except ValueError:
        return None
    return (difference + _AHEAD) % _GENERATIONS - _AHEAD


def replaces(other: UUID, namespace: UUID) -> bool:
    """Whether ``other``, as the mark names it, has taken the place of ``namespace``.

    Of two restored from one backup with the same generation the one that the mark names goes on.
    """
    distance = ahead(prefix(other), namespace)
    return other != namespace and distance is not None and distance >= 0
