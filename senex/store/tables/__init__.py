"""The tables. Row classes never leave ``senex.store``.

Market times (``*_at`` unless said otherwise) come from ``Clock``; machine
times (leases, heartbeats) come from Postgres itself. Prices are signed and
per share; money is dollars. Uniqueness lives here, not in check-then-insert.
"""

from __future__ import annotations

from sqlmodel import SQLModel

from senex.store.tables.accounts import (
    Account,
    AccountSnapshot,
    BrokerLogin,
    BrokerPosition,
    Deployment,
    Operator,
    Readiness,
    TradingState,
)
from senex.store.tables.alarms import Alarm, Difference, UnderlyingHalt
from senex.store.tables.automation import Automation, AutomationDay
from senex.store.tables.history import GreeksHistory, MetricsHistory
from senex.store.tables.journal import Audit, AuditSeal, BrokerMessage
from senex.store.tables.ledger import LedgerEntry
from senex.store.tables.market import HistoricalPrice, Instrument, MarketSession
from senex.store.tables.notices import Delivery, Notification, NotifyPreference
from senex.store.tables.orders import Attempt, Fill, OrderLeg, StrangerOrder, TradeOrder
from senex.store.tables.positions import Lot, LotClose, Position, PositionLeg, PositionSpread, SpreadExit
from senex.store.tables.suggestions import (
    Decision,
    DecisionResult,
    Suggestion,
    SuggestionBreakeven,
    SuggestionLeg,
    SuggestionReason,
    SuggestionSpread,
)
from senex.store.tables.summaries import TradingSummary
from senex.store.tables.work import BackupState, Heartbeat, JobSchedule, JobSlot, Outbox, SourceStatus

__all__ = [
    "Account",
    "AccountSnapshot",
    "Alarm",
    "Attempt",
    "Audit",
    "AuditSeal",
    "Automation",
    "AutomationDay",
    "BackupState",
    "BrokerLogin",
    "BrokerMessage",
    "BrokerPosition",
    "Decision",
    "DecisionResult",
    "Delivery",
    "Deployment",
    "Difference",
    "Fill",
    "GreeksHistory",
    "Heartbeat",
    "HistoricalPrice",
    "Instrument",
    "JobSchedule",
    "JobSlot",
    "LedgerEntry",
    "Lot",
    "LotClose",
    "MarketSession",
    "MetricsHistory",
    "Notification",
    "NotifyPreference",
    "Operator",
    "OrderLeg",
    "Outbox",
    "Position",
    "PositionLeg",
    "PositionSpread",
    "Readiness",
    "SQLModel",
    "SourceStatus",
    "SpreadExit",
    "StrangerOrder",
    "Suggestion",
    "SuggestionBreakeven",
    "SuggestionLeg",
    "SuggestionReason",
    "SuggestionSpread",
    "TradeOrder",
    "TradingState",
    "TradingSummary",
    "UnderlyingHalt",
]
