"""What each job of the outbox does: one line per use case."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from daemon.unlocks import note_unlock
from senex.services.alerts import apply_alert
from senex.services.automation import automated_cycle
from senex.services.cancel import cancel, cancel_orphan
from senex.services.decide import decide
from senex.services.execute import execute
from senex.services.history import aggregate_greeks, ensure_history, record_greeks, record_metrics
from senex.services.housekeeping import expire_suggestions, forget_orders, forget_work
from senex.services.ledger import sync_transactions
from senex.services.notices import attend_alarms, note_alarm, note_order
from senex.services.reconcile import monitor_orders, reconcile, sync_history
from senex.services.seal_journal import seal_journal
from senex.services.send_notices import send_notices, send_test
from senex.services.summary import summarise
from senex.services.sync import snapshot_account, sync_accounts, sync_positions
from senex.services.tend import mend_position, tend_position
from senex.services.watch_backup import watch_backup
from senex.services.watch_dividends import watch_dividends
from senex.services.watch_exits import watch_exits
from senex.services.watch_machine import watch_machine
from senex.services.watch_session import check_expirations, watch_freshness

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from senex.ports.records import Following, Work
    from senex.services.context import Context

    Handler = Callable[[Context, Work], Awaitable[Following | None]]
    UseCase = Callable[[Context, UUID, Work], Awaitable[Following | None]]


def _of_subject(use_case: UseCase) -> Handler:
    """A use case whose subject is the id of the one thing it works on."""

    async def handle(context: Context, work: Work) -> Following | None:
        return await use_case(context, UUID(work.subject), work)

    return handle


HANDLERS: Mapping[str, Handler] = {
    "start": sync_accounts,
    "decide": _of_subject(decide),
    "execute": _of_subject(execute),
    "cancel": _of_subject(cancel),
    "cancel_orphan": cancel_orphan,
    "apply_alert": _of_subject(apply_alert),
    "watch_dividends": _of_subject(watch_dividends),
    "tend_position": _of_subject(tend_position),
    "mend_position": _of_subject(mend_position),
    "reconcile": _of_subject(reconcile),
    "note_alarm": _of_subject(note_alarm),
    "note_order": _of_subject(note_order),
    "send_notices": send_notices,
    "test_notification": _of_subject(send_test),
    "note_unlock": note_unlock,
    # slots of the schedule, one row per account
    "monitor_open_orders": _of_subject(monitor_orders),
    "monitor_positions_for_dte_closure": _of_subject(watch_exits),
    "sync_order_history": _of_subject(sync_history),
    "sync_positions": _of_subject(sync_positions),
    "reconcile_trades": _of_subject(reconcile),
    "watch_machine": _of_subject(watch_machine),
    "watch_backup": _of_subject(watch_backup),
    "automated_daily_trade_cycle": _of_subject(automated_cycle),
    "repeat_until_filled": _of_subject(automated_cycle),
    "sync_transactions": _of_subject(sync_transactions),
    "generate_trading_summary": _of_subject(summarise),
    "snapshot_account": _of_subject(snapshot_account),
    "watch_freshness": _of_subject(watch_freshness),
    "check_expirations": _of_subject(check_expirations),
    "record_greeks": _of_subject(record_greeks),
    "ensure_history": _of_subject(ensure_history),
    "record_metrics": _of_subject(record_metrics),
    "aggregate_greeks": aggregate_greeks,
    "attend_alarms": _of_subject(attend_alarms),
    "seal_journal": _of_subject(seal_journal),
    "cleanup_cancelled_trades": forget_orders,
    "cleanup_old_suggestions": expire_suggestions,
    "cleanup_old_work": forget_work,
}
