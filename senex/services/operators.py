"""Who may decide, and in LIVE with which proof."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from senex.domain.automation import OFF, POLICY
from senex.domain.decisions import DecisionKind
from senex.domain.errors import Refused
from senex.domain.trading_state import TradingState

if TYPE_CHECKING:
    from senex.domain.decisions import Decision
    from senex.ports.records import OperatorRecord

LIVE = "live"
_OPENS_RISK = frozenset(
    {
        DecisionKind.APPROVE,
        DecisionKind.ADOPT_POSITION,
        DecisionKind.REPLACE_ORDER,
        DecisionKind.RESUME_UNDERLYING,
        DecisionKind.SET_AUTOMATION,
    }
)
_OF_POLICIES = frozenset({DecisionKind.APPROVE, DecisionKind.CANCEL_ORDER})


def check_operator(record: OperatorRecord | None, decision: Decision, *, environment: str) -> None:
    """Refuse a decision of somebody who may not make it.

    Raises:
        Refused: ``E_OPERATOR`` for a viewer or a stranger, ``E_PASSPHRASE`` when a LIVE
            decision does not prove that its maker knew the passphrase.
    """
    if decision.role == POLICY and decision.kind in _OF_POLICIES:
        return  # the database takes this role from the daemon only, whose policy an operator has recorded
    if record is None or record.role != "trader":
        raise Refused(
            "E_OPERATOR",
            f"{decision.operator!r} may not decide here; an administrator can make them a trader.",
        )
    if environment != LIVE or not needs_proof(decision.kind, decision.state):
        return
    if record.verifier is None:
        raise Refused(
            "E_PASSPHRASE", "LIVE decisions need a passphrase; set one with `senex operator passphrase`."
        )
    expected = hmac.digest(record.verifier, decision_text(decision), "sha256")
    if decision.proof is None or not hmac.compare_digest(decision.proof, expected):
        raise Refused("E_PASSPHRASE", "The passphrase was wrong; nothing was changed. Decide again.")


def needs_proof(kind: DecisionKind, state: str | None = None) -> bool:
    """Whether LIVE asks for the passphrase: to open risk. What reduces it never waits for one."""
    if kind is DecisionKind.SET_AUTOMATION:
        return state != OFF
    return kind in _OPENS_RISK or (
        kind is DecisionKind.SET_STATE and state not in (TradingState.REDUCE_ONLY, TradingState.HALTED)
    )


def verifier_of(passphrase: str, salt: bytes) -> bytes:
    """What is stored instead of the passphrase. Slow (about 0.1 s) and 32 MiB large on purpose."""
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=64 * 2**20, dklen=32)


def decision_text(decision: Decision) -> bytes:
    """What a proof is over: every field that changes what the decision does."""
    parts = (
        decision.id,
        decision.account_id,
        decision.kind,
        decision.suggestion_id,
        decision.version,
        decision.digest,
        decision.order_id,
        decision.state,
        decision.operator,
        decision.subject_id,
        decision.spread_key,
        decision.price,
        *decision.options,
    )
    return "\n".join("" if part is None else str(part) for part in parts).encode()
