"""The console's half of every use case: put down one decision, then wait for the daemon's answer.

TUI and CLI decide through this and nothing else. Nothing is checked here that
the daemon does not check again; what was decided, by whom and where is stored
with it.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.automation import OFF, ON
from senex.domain.calendar import NEW_YORK
from senex.domain.decisions import (
    DRY_RUN,
    EXCESS,
    FIX,
    PLAN_NONE,
    PLAN_TARGET,
    PLAN_TIME_EXIT,
    REPLAY,
    Decision,
    DecisionKind,
)
from senex.domain.errors import Refused, Unavailable
from senex.services.operators import decision_text, verifier_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.automation import Automation
    from senex.ports.clock import Clock
    from senex.ports.console import Decisions, Reads
    from senex.ports.views import (
        AlarmView,
        DecisionResultView,
        NotificationView,
        OrderView,
        PositionView,
        SuggestionView,
    )

ANSWER_WITHIN = 30.0
_FIRST_LOOK, _LATER_LOOKS = 0.02, 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Decider:
    """Decides as one operator at one terminal.

    Every method that decides answers with the decision's id and may raise
    ``Unavailable`` (``E_POSTGRES_AWAY``) or ``Refused`` (``E_PASSPHRASE`` when a
    passphrase was given and none is set). A passphrase is needed in LIVE only,
    for what ``operators.needs_proof`` names.
    """

    decisions: Decisions
    reads: Reads
    clock: Clock
    operator: str
    terminal: str

    async def suggest(self, account_id: UUID, symbol: str, strategy: str | None = None) -> UUID:
        """Ask for a suggestion, of one strategy or whichever fits."""
        wanted = self._decision(account_id, DecisionKind.SUGGEST)
        return await self._put(replace(wanted, symbol=symbol.strip().upper(), strategy=strategy), None)

    async def approve(
        self, suggestion: SuggestionView, *, shown_at: datetime, passphrase: str | None = None
    ) -> UUID:
        """Approve exactly this version and digest, as priced on the screen at ``shown_at`` (market time).

        Raises:
            Refused: ``E_ALREADY_DECIDED``, saying by whom and when.
        """
        decision = self._on(suggestion, DecisionKind.APPROVE)
        return await self._put(replace(decision, shown_at=shown_at), passphrase)

    async def reject(self, suggestion: SuggestionView, *, reason: str) -> UUID:
        """Put it aside, saying why.

        Raises:
            Refused: ``E_ALREADY_DECIDED``, saying by whom and when.
        """
        return await self._put(replace(self._on(suggestion, DecisionKind.REJECT), reason=reason), None)

    async def cancel(self, order: OrderView, *, reason: str) -> UUID:
        """Ask for a cancel; a fill may still come first."""
        decision = self._decision(order.account_id, DecisionKind.CANCEL_ORDER)
        return await self._put(replace(decision, order_id=order.id, reason=reason), None)

    async def replace(
        self, order: OrderView, limit: Decimal, *, reason: str, passphrase: str | None = None
    ) -> UUID:
        """Ask for the order to be replaced by one at ``limit`` (signed); a fill may still come first."""
        decision = self._decision(order.account_id, DecisionKind.REPLACE_ORDER)
        return await self._put(replace(decision, order_id=order.id, price=limit, reason=reason), passphrase)

    async def set_state(
        self, account_id: UUID, state: str, *, reason: str, passphrase: str | None = None
    ) -> UUID:
        """Set what may be sent for an account."""
        decision = self._decision(account_id, DecisionKind.SET_STATE)
        return await self._put(replace(decision, state=state, reason=reason), passphrase)

    async def close(
        self,
        position: PositionView,
        *,
        spread_key: str | None = None,
        limit: Decimal | None = None,
        excess: bool = False,
        reason: str = "",
    ) -> UUID:
        """Ask to be out of a position or one spread of it: at natural, or at a signed ``limit``."""
        decision = self._about(position, DecisionKind.CLOSE_POSITION, reason)
        options = (EXCESS,) if excess else ()
        return await self._put(replace(decision, spread_key=spread_key, price=limit, options=options), None)

    async def restore_targets(self, position: PositionView, *, reason: str = "") -> UUID:
        """Ask for its targets to be set again."""
        return await self._put(self._about(position, DecisionKind.RESTORE_TARGETS, reason), None)

    async def set_stop(self, position: PositionView, *, orders: bool, reason: str = "") -> UUID:
        """Say whether its stop may send closing orders."""
        decision = self._about(position, DecisionKind.SET_STOP, reason)
        return await self._put(replace(decision, options=("on" if orders else "off",)), None)

    async def flatten(self, account_id: UUID, *, reason: str) -> UUID:
        """Ask to be out of everything senex manages."""
        return await self._put(replace(self._decision(account_id, DecisionKind.FLATTEN), reason=reason), None)

    async def sync(self, account_id: UUID) -> UUID:
        """Ask for orders, balances and positions to be read again."""
        return await self._put(self._decision(account_id, DecisionKind.SYNC), None)

    async def probe_broker(self, account_id: UUID, symbol: str) -> UUID:
        """Ask what the broker says of every order shape senex sends."""
        wanted = self._decision(account_id, DecisionKind.PROBE_BROKER)
        return await self._put(replace(wanted, symbol=symbol.strip().upper()), None)

    async def reconcile(
        self, account_id: UUID, *, dry_run: bool, fix: Sequence[str] = (), reason: str = ""
    ) -> UUID:
        """Ask for books and broker to be compared, and unless it is a dry run to be made to agree.

        ``fix`` names what to mend besides: categories, or subjects of differences.
        """
        decision = self._decision(account_id, DecisionKind.RECONCILE)
        options = ((DRY_RUN,) if dry_run else ()) + tuple(f"{FIX}{name}" for name in fix)
        return await self._put(replace(decision, options=options, reason=reason or None), None)

    async def adopt(
        self,
        position: PositionView,
        *,
        target: Decimal | None,
        time_exit: int,
        reason: str,
    ) -> UUID:
        """Give a position opened elsewhere an exit plan; ``target`` is a share of its profit, None for none."""
        decision = self._decision(position.account_id, DecisionKind.ADOPT_POSITION)
        plan = (
            f"{PLAN_TARGET}={PLAN_NONE if target is None else target}",
            f"{PLAN_TIME_EXIT}={time_exit}",
        )
        wanted = replace(decision, subject_id=position.id, options=plan, reason=reason)
        return await self._put(wanted, None)

    async def replay(self, account_id: UUID) -> UUID:
        """Ask for the orders to be led through the broker's raw messages again, and compared with the books."""
        return await self._put(
            replace(self._decision(account_id, DecisionKind.RECONCILE), options=(REPLAY,)), None
        )

    async def acknowledge(self, alarm: AlarmView, account_id: UUID, *, reason: str) -> UUID:
        """Say that an alarm was seen."""
        decision = self._decision(account_id, DecisionKind.ACKNOWLEDGE)
        return await self._put(replace(decision, subject_id=alarm.id, reason=reason), None)

    async def resume_underlying(
        self, account_id: UUID, symbol: str, *, reason: str, passphrase: str | None = None
    ) -> UUID:
        """Let a halted underlying be traded again."""
        decision = self._decision(account_id, DecisionKind.RESUME_UNDERLYING)
        return await self._put(replace(decision, symbol=symbol.strip().upper(), reason=reason), passphrase)

    async def run_job(self, account_id: UUID, name: str) -> UUID:
        """Ask for a scheduled job to run now, for every account."""
        return await self._of_option(account_id, DecisionKind.RUN_JOB, name)

    async def pause_job(self, account_id: UUID, name: str, *, reason: str) -> UUID:
        """Give a scheduled job no more slots."""
        return await self._of_option(account_id, DecisionKind.PAUSE_JOB, name, reason)

    async def resume_job(self, account_id: UUID, name: str, *, reason: str) -> UUID:
        """Give it slots again."""
        return await self._of_option(account_id, DecisionKind.RESUME_JOB, name, reason)

    async def retry_job(self, account_id: UUID, number: int) -> UUID:
        """Ask for failing work to be tried again at once."""
        return await self._of_option(account_id, DecisionKind.RETRY_JOB, str(number))

    async def acknowledge_notice(self, notice: NotificationView, account_id: UUID) -> UUID:
        """Say that a notice of the inbox was seen, and the alarm it is about."""
        decision = self._decision(account_id, DecisionKind.ACKNOWLEDGE)
        return await self._put(replace(decision, subject_id=notice.id), None)

    async def set_notify_mode(self, account_id: UUID, mode: str) -> UUID:
        """Say what this operator wants to be sent outside."""
        return await self._of_option(account_id, DecisionKind.SET_NOTIFY_MODE, mode)

    async def test_notification(self, account_id: UUID) -> UUID:
        """Ask for a test message on every channel of this operator."""
        return await self._put(self._decision(account_id, DecisionKind.TEST_NOTIFICATION), None)

    async def set_automation(
        self, account_id: UUID, automation: Automation, *, reason: str, passphrase: str | None = None
    ) -> UUID:
        """Record what senex may decide by itself for an account."""
        decision = self._decision(account_id, DecisionKind.SET_AUTOMATION)
        state = ON if automation.enabled else OFF
        return await self._put(
            replace(decision, state=state, options=automation.words, reason=reason), passphrase
        )

    async def result(self, decision_id: UUID) -> DecisionResultView | None:
        """The daemon's answer, None while there is none."""
        return await self.reads.decision_result(decision_id)

    async def wait_result(self, decision_id: UUID, timeout: float = ANSWER_WITHIN) -> DecisionResultView:
        """Wait for the answer; a Postgres that goes and comes back meanwhile does not matter.

        Raises:
            Unavailable: ``E_DAEMON_SILENT`` after ``timeout`` seconds of machine time.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._answer(decision_id)
        except TimeoutError:
            raise Unavailable(
                "E_DAEMON_SILENT",
                f"The daemon has not answered within {timeout:g} s; what you decided is stored and will be done "
                "when it is back, if it is still valid then. `senex status` shows which process is missing.",
            ) from None

    async def has_passphrase(self) -> bool:
        """Whether this operator has set one."""
        record = await self.reads.operator(self.operator)
        return record is not None and record.salt is not None

    async def unlock(self, passphrase: str) -> bool:
        """Whether it is the operator's passphrase."""
        verifier = await self._verifier(passphrase)
        return await self.decisions.knows(self.operator, verifier, terminal=self.terminal)

    async def _of_option(
        self, account_id: UUID, kind: DecisionKind, option: str, reason: str | None = None
    ) -> UUID:
        wanted = self._decision(account_id, kind)
        return await self._put(replace(wanted, options=(option,), reason=reason), None)

    async def _answer(self, decision_id: UUID) -> DecisionResultView:
        pause = _FIRST_LOOK
        while True:
            try:
                answer = await self.reads.decision_result(decision_id)
            except Unavailable:
                answer = None
            if answer is not None:
                return answer
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LATER_LOOKS)

    async def _put(self, decision: Decision, passphrase: str | None) -> UUID:
        if passphrase is not None:
            proof = hmac.digest(await self._verifier(passphrase), decision_text(decision), "sha256")
            decision = replace(decision, proof=proof)
        earlier = await self.decisions.add(decision)
        if earlier is not None:
            done = "approved" if earlier.kind == DecisionKind.APPROVE else "rejected"
            when = earlier.decided_at.astimezone(NEW_YORK)
            raise Refused(
                "E_ALREADY_DECIDED",
                f"{earlier.operator} already {done} it at {when:%H:%M:%S} New York time on {when:%d %b} "
                f"({earlier.terminal}); nothing was changed.",
            )
        return decision.id

    async def _verifier(self, passphrase: str) -> bytes:
        record = await self.reads.operator(self.operator)
        if record is None or record.salt is None:
            raise Refused(
                "E_PASSPHRASE",
                f"No passphrase is set for {self.operator!r}; set one with `senex operator passphrase`.",
            )
        return await asyncio.to_thread(verifier_of, passphrase, record.salt)

    def _on(self, suggestion: SuggestionView, kind: DecisionKind) -> Decision:
        return replace(
            self._decision(suggestion.account_id, kind),
            suggestion_id=suggestion.id,
            version=suggestion.version,
            digest=suggestion.digest,
        )

    def _about(self, position: PositionView, kind: DecisionKind, reason: str) -> Decision:
        return replace(self._decision(position.account_id, kind), subject_id=position.id, reason=reason)

    def _decision(self, account_id: UUID, kind: DecisionKind) -> Decision:
        return Decision(
            id=uuid4(),
            account_id=account_id,
            kind=kind,
            operator=self.operator,
            terminal=self.terminal,
            role="trader",
            decided_at=self.clock.now(),
        )
