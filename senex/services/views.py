"""The read models, where services' users look for them; they are part of the port that reads."""

from __future__ import annotations

from senex.ports.views import (
    AccountView,
    BrokerHoldingView,
    DecidedView,
    DecisionResultView,
    EventView,
    LegView,
    LotView,
    OperatorView,
    OrderView,
    PositionSpreadView,
    PositionView,
    ProcessView,
    ReasonView,
    SourceView,
    SpreadView,
    SuggestionView,
)

__all__ = [
    "AccountView",
    "BrokerHoldingView",
    "DecidedView",
    "DecisionResultView",
    "EventView",
    "LegView",
    "LotView",
    "OperatorView",
    "OrderView",
    "PositionSpreadView",
    "PositionView",
    "ProcessView",
    "ReasonView",
    "SourceView",
    "SpreadView",
    "SuggestionView",
]
