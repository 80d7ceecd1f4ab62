"""The audit's seals: a hash chain per account, so that what was changed, removed or put in between shows.

A batch of audit rows is sealed by a digest over the digest before it and the
rows' whole content. Who verifies needs the rows and the seals, nothing secret:
a chain proves that history is as it was when its newest known seal was made.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from datetime import UTC
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

GENESIS = "0" * 64
"""What the first seal of a chain follows."""
NO_ACCOUNT = UUID(int=0)
"""The chain of what belongs to no account."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit trail, whole. ``serial`` orders rows for ever."""

    serial: int
    id: UUID
    at: datetime
    account_id: UUID | None
    actor: str
    action: str
    object_type: str
    object_id: str
    before: str | None
    after: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A batch of a chain: its rows lie in ``first_serial`` to ``last_serial``, both inside."""

    chain: UUID
    ordinal: int
    first_serial: int
    last_serial: int
    rows: int
    previous: str
    digest: str


def seal(rows: Sequence[AuditRow], *, chain: UUID, after: Seal | None) -> Seal:
    """Seal rows, oldest first, behind the chain's newest seal."""
    previous = GENESIS if after is None else after.digest
    return Seal(
        chain=chain,
        ordinal=1 if after is None else after.ordinal + 1,
        first_serial=rows[0].serial,
        last_serial=rows[-1].serial,
        rows=len(rows),
        previous=previous,
        digest=digest_of(rows, previous=previous),
    )


def digest_of(rows: Iterable[AuditRow], *, previous: str) -> str:
    """SHA-256 over the digest before and every field of every row, in order."""
    sealed = hashlib.sha256(previous.encode())
    for row in rows:
        written = [str(part) if isinstance(part, UUID) else part for part in astuple(row)]
        written[2] = row.at.astimezone(UTC).isoformat()
        sealed.update(b"\n" + json.dumps(written, ensure_ascii=True, separators=(",", ":")).encode())
    return sealed.hexdigest()


def broken(seal_: Seal, rows: Sequence[AuditRow], *, after: Seal | None) -> str | None:
    """What is wrong with a seal, given its rows as they are now and the seal before; None when nothing is."""
    expected = (1, GENESIS) if after is None else (after.ordinal + 1, after.digest)
    if (seal_.ordinal, seal_.previous) != expected:
        return f"seal {seal_.ordinal} does not follow the one before: a seal was removed or replaced"
    if len(rows) != seal_.rows:
        return f"seal {seal_.ordinal} covers {seal_.rows} rows and {len(rows)} are there"
    if digest_of(rows, previous=seal_.previous) != seal_.digest:
        return f"a row between {rows[0].at.isoformat()} and {rows[-1].at.isoformat()} is not what was sealed"
    return None
