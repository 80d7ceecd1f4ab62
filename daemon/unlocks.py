"""Tries of a passphrase at a console: the database notes each, security.log keeps it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import structlog

from senex.services.context import finished

if TYPE_CHECKING:
    from senex.ports.records import Work
    from senex.services.context import Context

_security = structlog.get_logger("senex.security")


async def note_unlock(context: Context, work: Work) -> None:
    """Log who tried to unlock which terminal, and whether the passphrase was right."""
    tried = json.loads(work.subject)
    who = {"operator": tried["operator"], "terminal": tried["terminal"] or "unknown"}
    if tried["knew"]:
        _security.info("console unlocked", **who)
    else:
        _security.warning("console not unlocked: wrong passphrase", **who)
    await finished(context, work)
