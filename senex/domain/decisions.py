"""Decisions: what an operator, or a recorded policy, asks the daemon for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID


class DecisionKind(StrEnum):
    """What is asked for."""

    SUGGEST = "suggest"
    APPROVE = "approve"
    REJECT = "reject"
    CANCEL_ORDER = "cancel_order"
    SET_STATE = "set_state"
    SYNC = "sync"
    PROBE_BROKER = "probe_broker"
    CLOSE_POSITION = "close_position"
    FLATTEN = "flatten"
    ADOPT_POSITION = "adopt_position"
    REPLACE_ORDER = "replace_order"
    RECONCILE = "reconcile"
    ACKNOWLEDGE = "acknowledge"
    RESUME_UNDERLYING = "resume_underlying"
    RUN_JOB = "run_job"
    PAUSE_JOB = "pause_job"
    RESUME_JOB = "resume_job"
    RETRY_JOB = "retry_job"
    SET_NOTIFY_MODE = "set_notify_mode"
    TEST_NOTIFICATION = "test_notification"
    RESTORE_TARGETS = "restore_targets"
    SET_STOP = "set_stop"
    SET_AUTOMATION = "set_automation"


PLAN_TARGET, PLAN_TIME_EXIT, PLAN_NONE = "target", "time_exit", "none"
"""Words of an adopted position's exit plan: ``target=0.50`` or ``target=none``, and ``time_exit=7``."""


class Outcome(StrEnum):
    """The daemon's answer."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


EXCESS = "excess"
"""Of a close: only what hangs beyond whole spreads."""
DRY_RUN = "dry_run"
"""A reconcile that looks and books nothing."""
REPLAY = "replay"
"""A reconcile that only leads the orders through the broker's raw messages again."""
LAST_JOB = 2**63 - 1
"""The largest number work can have."""
FIX = "fix:"
"""How an option of a reconcile begins that names what to mend: a category, or one subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision as the operator made it; never changed.

    ``subject_id`` is the position, alarm … it is about, ``spread_key`` one spread of the position; ``price`` is a
    signed limit; ``options`` are words of the kind's own.
    """

    id: UUID
    account_id: UUID
    kind: DecisionKind
    suggestion_id: UUID | None = None
    version: int | None = None
    digest: str | None = None
    order_id: UUID | None = None
    symbol: str | None = None
    strategy: str | None = None
    state: str | None = None
    reason: str | None = None
    operator: str
    terminal: str
    role: str
    proof: bytes | None = None
    shown_at: datetime | None = None
    decided_at: datetime
    subject_id: UUID | None = None
    spread_key: str | None = None
    price: Decimal | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a decision."""

    outcome: Outcome
    code: str
    message: str
    reasons: tuple[str, ...] = ()
    suggestion_id: UUID | None = None
    order_id: UUID | None = None
