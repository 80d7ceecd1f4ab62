"""The JSON each command prints, and the page that documents it.

``python -m senex.cli.shapes`` writes ``docs/json.md``, ``--check`` fails where
it is not current. A shape only ever grows; a field that changes its meaning or
goes raises ``version``.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from senex.cli.output import VERSION
from senex.here import Here, PartHere
from senex.ports import views

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TARGET = Path(__file__).parents[2] / "docs" / "json.md"

SHAPES: Mapping[str, Mapping[str, str]] = {
    "status": {
        "environment": "simulated, sandbox or live",
        "instance": "Here: what `senex up` or `senex demo` runs on this machine; null where the settings lead "
        "elsewhere, alone where the rest cannot be read (exit 3)",
        "market_time": "time",
        "accounts": "AccountView[]",
        "alarms": "AlarmView[]",
        "sources": "SourceView[]",
        "processes": "ProcessView[]",
        "problems": "string[]; exit 1 when there is one",
    },
    "upgrade": {"before": "revision or null", "revision": "what it is now", "resumed": "account numbers"},
    "secrets check": {"secrets": "secret, code (null: in order) and why of each; exit 1 when one is not"},
    "secrets rotate": {"rotated": "string[]; for the broker as account connect"},
    "account list": {"accounts": "AccountView[]"},
    "account connect": {"environment": "simulated, sandbox or live", "accounts": "number and name of each"},
    "account balances": {
        "account": "number",
        "read_at": "time or null",
        **dict.fromkeys(
            (
                "net_liquidation",
                "cash",
                "option_buying_power",
                "maintenance",
                "open_risk",
                "risk_budget",
                "realized_today",
            ),
            "dollars or null",
        ),
    },
    "suggest": {"result": "DecisionResultView", "suggestion": "SuggestionView or null"},
    "suggestions list": {"suggestions": "SuggestionView[]"},
    "suggestions show": {"suggestion": "SuggestionView"},
    "suggestions approve": {"result": "DecisionResultView"},
    "suggestions reject": {"result": "DecisionResultView"},
    "positions list": {
        "positions": "PositionView[], each with pnl_open and close_now (null where unknown), pnl_open_why, stale and "
        "next_exit (step, steps, day of its ladder, or null)"
    },
    "positions show": {
        "position": "PositionView with pnl_open, close_now (null where unknown), pnl_open_why, stale and next_exit"
    },
    "positions close": {"result": "DecisionResultView"},
    "positions targets": {
        "targets": "spread, target (OrderView or null) of each spread; with --restore a result instead"
    },
    "positions stop": {"result": "DecisionResultView"},
    "positions adopt": {"result": "DecisionResultView"},
    "pnl": {"lines": "PnlView[]", "total": "PnlView"},
    "orders list": {"orders": "OrderView[]"},
    "orders show": {"order": "OrderView", "events": "EventView[]"},
    "orders cancel": {"result": "DecisionResultView"},
    "summary": {"summaries": "SummaryView[], newest first"},
    "automation show": {"automations": "AutomationView[]"},
    "automation set": {"result": "DecisionResultView"},
    "orders replace": {"result": "DecisionResultView"},
    "broker probe": {
        "result": "DecisionResultView",
        "shapes": "shape, verdict (taken, refused as expected, refused, not tried) and why of each; exit 1 when one "
        "is refused",
    },
    "state show": {"states": "account, state, reason, ready, ready_reason of each account"},
    "state set": {"result": "DecisionResultView"},
    "state flatten": {"result": "DecisionResultView"},
    "state resume": {"result": "DecisionResultView"},
    "reconcile": {
        "result": "DecisionResultView",
        "differences": "DifferenceView[]; exit 1 when there is one",
    },
    "sync": {"result": "DecisionResultView"},
    "alarms list": {"alarms": "AlarmView[]"},
    "alarms acknowledge": {"result": "DecisionResultView"},
    "notify list": {"notifications": "NotificationView[]"},
    "notify acknowledge": {"result": "DecisionResultView"},
    "notify mode": {
        "operator": "string",
        "mode": "none, immediate or summary",
        "result": "DecisionResultView, null when nothing was set; where it is not done, it stands alone",
    },
    "notify test": {"result": "DecisionResultView; reasons name the channels that failed"},
    "journal list": {"lines": "JournalView[]; with --follow one JournalView a line"},
    "journal verify": {
        "chains": "ChainView[]; exit 1 when one is broken",
        "replay": "ReplayView; exit 1 when it is broken",
        "messages": "DecisionResultView, null without --messages; exit 1 when it is not done",
    },
    "jobs list": {"queues": "QueueView[]", "workers": "ProcessView[]", "jobs": "JobView[]"},
    "jobs failed": {"jobs": "JobView[]; exit 1 when there is one"},
    **{f"jobs {verb}": {"result": "DecisionResultView"} for verb in ("run", "pause", "resume", "retry")},
    "schedule show": {
        "schedule": "ScheduleView[], each with next_slot_new_york and next_slot_local (the same moment, or null)"
    },
    "db migrate": {"revision": "string"},
    "db backup": {
        "base": "path",
        "finished": "time",
        "bytes": "number",
        "revision": "string",
        "sealed": "true or false",
        "dump": "path or null",
        "removed": "string[]; what was older than the retention",
    },
    "db restore": {
        "instance": "string",
        "base": "label of the base backup",
        "line": "string",
        "reached": "time of the last transaction replayed, or null: its base backup",
        "revision": "string",
        "namespace": "string; the deployment's from now on",
        "accounts": "string[]; halted",
        "doubtful": "number of submissions that may or may not have been sent",
        "seconds": "number",
        "aside": "path of the database that was there before, or null",
    },
    "db verify": {
        "base": "label of the base backup",
        "line": "string",
        "sealed": "true or false",
        "reached": "time of the last transaction replayed, or null",
        "seconds": "number",
        "checks": "name, said, ok of each",
        "ok": "true or false; exit 1 when not",
    },
    "db escrow": {"file": "path", "backup_key": "true or false; whether it holds one"},
    "db fence": {
        "namespace": "string",
        "accounts": "string[]; halted",
        "doubtful": "number of submissions that may or may not have been sent",
        "undecided": "number of decisions refused",
    },
    "db status": {"revision": "string or null", "needed": "string", "current": "true or false"},
    "operator list": {"operators": "name, role, passphrase (whether one is set) of each operator"},
    "health": {
        "services": "HealthView[]; exit 1 when one is not alive and ready",
        "jobs": "JobHealthView[], or null where Postgres cannot be read",
        "jobs_why": "string; null where jobs are known",
        "name": "string; this and the fields below in place of those above where SERVICE is named",
        "alive": "true or false; exit 1 when not",
        "ready": "true or false; exit 1 when not, with --ready",
        "detail": "string",
        "processes": "ProcessView[]: what beats of it, or null where Postgres cannot be read",
    },
    "config show": {"settings": "variable, value, origin of each setting"},
    "paths": dict.fromkeys(("instance", "settings", "data", "logs"), "string"),
    "version": {"senex": "string", "python": "string"},
}

_VIEWS = (
    Here,
    PartHere,
    views.AccountView,
    views.SourceView,
    views.ProcessView,
    views.HealthView,
    views.JobHealthView,
    views.SuggestionView,
    views.SpreadView,
    views.ReasonView,
    views.LegView,
    views.OrderView,
    views.PositionView,
    views.PositionSpreadView,
    views.SpreadExitView,
    views.LotView,
    views.PnlView,
    views.EventView,
    views.AlarmView,
    views.AutomationView,
    views.SummaryView,
    views.DifferenceView,
    views.NotificationView,
    views.JournalView,
    views.ChainView,
    views.ScheduleView,
    views.JobView,
    views.QueueView,
    views.DecisionResultView,
)
_TYPES = (
    ("tuple[", ""),
    (", ...]", "[]"),
    ("str", "string"),
    ("Decimal", "number as string"),
    ("datetime", "time"),
    ("UUID", "id"),
    ("bool", "true or false"),
    ("float", "number"),
    ("int", "integer"),
    (" | None", " or null"),
)
_HEAD = f"""# JSON of the commands

Made by `python -m senex.cli.shapes`; do not edit. Every command that prints data takes `--json` and prints
one object: `version` ({VERSION}) and the fields below. Exact numbers (money, prices, shares) are strings; prices are
signed (credit +, debit −) and per share unless said; times are ISO 8601 with their offset; what is not known is
null. stdout is data, stderr is narration; what fails is said there in one sentence with its code in brackets, and
stdout is empty then unless the fields below say otherwise. Exit codes: 0 ok, 1 error, 2 usage or configuration,
3 unavailable, 4 refused by policy, 5 outcome unknown, 130 interrupted.
"""


def document() -> str:
    """The whole page."""
    commands = [_section(f"senex {name}", shape.items()) for name, shape in SHAPES.items()]
    shapes = [
        _section(kind.__name__, ((field.name, _said(str(field.type))) for field in fields(kind)))
        for kind in _VIEWS
    ]
    return "\n".join([_HEAD, "# Commands\n", *commands, "# Shapes\n", *shapes]).rstrip() + "\n"


def _section(title: str, rows: Iterable[tuple[str, str]]) -> str:
    body = "\n".join(f"| `{name}` | {text} |" for name, text in rows)
    return f"## {title}\n\n| field | what |\n|---|---|\n{body}\n"


def _said(annotation: str) -> str:
    for python, words in _TYPES:
        annotation = annotation.replace(python, words)
    return annotation


def main() -> None:
    """Write the page, or check it."""
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(document(), encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != document():
        sys.exit("docs/json.md is not current; run `python -m senex.cli.shapes`.")


if __name__ == "__main__":
    main()
