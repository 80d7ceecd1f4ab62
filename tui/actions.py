"""Every key of the console, in one registry.

An action has an id; the id is what a configuration names to change its key
(``SENEX_KEYS='{"approvals.approve": "f5"}'``). Footer, help and command
palette are drawn from here, so they cannot disagree with what a key does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.keys import format_key

from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual.binding import BindingType


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does. ``money`` marks those that can cost money: they always confirm."""

    id: str
    keys: str
    action: str
    label: str
    help: str
    footer: bool = True
    money: bool = False
    title: str = ""
    """What the palette finds it by, where the label is not enough."""


SCREENS = (
    Action("go.home", "1", "go('home')", "Home", "Am I safe, is all fresh, what wants me?"),
    Action("go.approvals", "2", "go('approvals')", "Approvals", "One suggestion at a time, priced live"),
    Action("go.positions", "3", "go('positions')", "Positions", "What is open, streaming"),
    Action("go.orders", "4", "go('orders')", "Orders", "Working, unknown, done; each order's life"),
    Action("go.jobs", "9", "go('jobs')", "Jobs", "Schedule, queues, workers, failures"),
    Action("go.inbox", "0", "go('inbox')", "Inbox", "Notifications: what you were told"),
)

GLOBAL = (
    *SCREENS,
    Action(
        "kill",
        "K",
        "kill",
        "Kill switch",
        "Stop entries, or everything, at once",
        money=True,
        title="Kill switch: halt all, reduce only, flatten, active",
    ),
    Action("suggest", "s", "suggest", "Suggest", "Ask for a suggestion for a symbol"),
    Action("sync", "S", "sync", "Sync", "Read the account again at the broker", footer=False),
    Action("account", "A", "next_account", "Account", "Look at the next account", footer=False),
    Action("lock", "ctrl+l", "lock", "Lock", "Lock this console now", footer=False),
    Action("help", "question_mark,f1", "help", "Help", "Keys of this screen"),
    Action("palette", "colon,ctrl+p", "command_palette", "Commands", "Find any command by name"),
    Action("quit", "q,ctrl+q", "quit", "Quit", "Leave the console; nothing is lost by that"),
)

TABLE_TOOLS = (
    Action("table.filter", "slash", "filter", "Filter", "Show only what contains a text"),
    Action("table.sort", "o", "sort", "Sort", "Sort by the next column", footer=False),
    Action("table.turn", "O", "turn", "Reverse", "Turn the order round", footer=False),
    Action("table.copy", "y", "copy", "Copy", "Copy the row (OSC 52, works over SSH)", footer=False),
    Action("table.export", "x", "export", "Export", "Write the table as CSV", footer=False),
)

BY_SCREEN: Mapping[str, tuple[Action, ...]] = {
    "home": (
        Action(
            "home.alarms", "a", "alarms", "Alarms", "Read the alarms; say that one was seen", footer=False
        ),
        Action(
            "home.reconcile",
            "R",
            "reconcile",
            "Reconcile",
            "Compare books and broker; mend by name",
            footer=False,
        ),
    ),
    "approvals": (
        Action(
            "approvals.approve", "a", "approve", "Approve", "Approve what is shown; asks first", money=True
        ),
        Action("approvals.reject", "r", "reject", "Reject", "Reject it, with a reason"),
        Action("approvals.next", "n", "turn_page(1)", "Next", "Next suggestion"),
        Action("approvals.previous", "p", "turn_page(-1)", "Previous", "Previous suggestion"),
        Action("approvals.copy", "y", "copy", "Copy", "Copy the legs (OSC 52)", footer=False),
    ),
    "positions": (
        Action("positions.open", "enter", "open", "Detail", "Payoff, lots and orders of the position"),
        Action("positions.fold", "space", "fold", "Fold", "Fold or unfold the position"),
        Action(
            "positions.close",
            "c",
            "close",
            "Close",
            "Close the position or the spread; asks first",
            money=True,
        ),
        Action("positions.targets", "t", "targets", "Targets", "Set its targets again"),
        *TABLE_TOOLS,
    ),
    "orders": (
        Action("orders.open", "enter", "open", "Timeline", "The life of the order"),
        Action("orders.cancel", "c", "cancel", "Cancel", "Cancel the order; asks first", money=True),
        Action("orders.replace", "e", "replace", "Reprice", "Another limit for it; asks first", money=True),
        *TABLE_TOOLS,
    ),
    "jobs": (
        Action("jobs.open", "enter", "open", "Detail", "The rule, the last slot, the last error"),
        Action("jobs.run", "r", "run", "Run now", "Do the work of a slot now; asks first"),
        Action("jobs.pause", "p", "pause", "Pause", "Pause or resume the job; asks first"),
        Action("jobs.retry", "t", "retry", "Try again", "Try failing work at once; asks first"),
        *TABLE_TOOLS,
    ),
    "inbox": (
        Action("inbox.open", "enter", "open", "Read", "All of it, and what to do"),
        Action("inbox.acknowledge", "a", "acknowledge", "Acknowledge", "Say that you have seen it"),
        *TABLE_TOOLS,
    ),
}

TABLE_MOVES = (
    Action("table.up", "up,k", "cursor(-1)", "Up", "One row up"),
    Action("table.down", "down,j", "cursor(1)", "Down", "One row down"),
    Action("table.page_up", "pageup", "page(-1)", "Page up", "A screenful up"),
    Action("table.page_down", "pagedown", "page(1)", "Page down", "A screenful down"),
    Action("table.first", "home,g", "edge(-1)", "First", "To the first row"),
    Action("table.last", "end,G", "edge(1)", "Last", "To the last row"),
)

DIALOG = {
    "yes": Action("dialog.yes", "y", "answer(True)", "Yes", "Do it"),
    "no": Action("dialog.no", "n,escape", "answer(False)", "No", "Leave it"),
    "close": Action("dialog.close", "escape,q,enter", "close", "Close", "Back to the screen"),
    "kill": Action("dialog.kill", "K", "app.kill", "Kill switch", "Also from here", money=True),
    "back": Action("dialog.back", "escape", "close", "Cancel", "Back to the screen"),
}

RECONCILE = {
    "up": Action("reconcile.up", "up,k", "move(-1)", "Up", "One up"),
    "down": Action("reconcile.down", "down,j", "move(1)", "Down", "One down"),
    "mark": Action("reconcile.mark", "space", "mark", "Mark", "Mend this one, or leave it"),
    "apply": Action(
        "reconcile.apply", "enter", "apply", "Apply", "Reconcile, and mend what is marked", money=True
    ),
}

KILL = (
    Action("kill.reduce_only", "r", "choose('reduce_only')", "Reduce only", "No new entries"),
    Action("kill.halted", "h", "choose('halted')", "Halt all", "Send nothing"),
    Action("kill.flatten", "f", "choose('flatten')", "Flatten", "Close everything", money=True),
    Action("kill.active", "a", "choose('active')", "Active", "Allow entries again"),
)


def every() -> tuple[Action, ...]:
    """All actions there are; each id once."""
    found = {
        action.id: action
        for group in (
            GLOBAL,
            *BY_SCREEN.values(),
            TABLE_MOVES,
            tuple(DIALOG.values()),
            KILL,
            tuple(RECONCILE.values()),
        )
        for action in group
    }
    return tuple(found.values())


def bindings(actions: Iterable[Action]) -> list[BindingType]:
    """Textual's bindings of these actions, under their ids."""
    return [
        Binding(action.keys, action.action, action.label, show=False, id=action.id, tooltip=action.help)
        for action in actions
    ]


def screen_bindings(screen: str) -> list[BindingType]:
    """The keys of one screen."""
    return bindings(BY_SCREEN[screen])


def table_bindings() -> list[BindingType]:
    """The keys every table moves by."""
    return bindings(TABLE_MOVES)


def check_keys(keys: Mapping[str, str]) -> dict[str, str]:
    """The configured keys, when every id is one of ours and no screen gets one key twice.

    Raises:
        UsageProblem: ``E_KEYS``, naming the id or the clash.
    """
    known = {action.id for action in every()}
    for name in keys:
        if name not in known:
            raise UsageProblem(
                "E_KEYS", f"{name!r} is not an action of the console; `?` in the console lists them by id."
            )
    for screen, own in BY_SCREEN.items():
        taken: dict[str, str] = {}
        for action in (*GLOBAL, *own):
            for key in keys.get(action.id, action.keys).split(","):
                if taken.setdefault(key.strip(), action.id) != action.id:
                    raise UsageProblem(
                        "E_KEYS",
                        f"The key {key!r} means both {taken[key.strip()]} and {action.id} on {screen}; "
                        "choose another for one of them.",
                    )
    return dict(keys)


def key_label(action: Action, keys: Mapping[str, str]) -> str:
    """The first key of an action as people read it."""
    first = keys.get(action.id, action.keys).split(",")[0].strip()
    names = {"question_mark": "?", "colon": ":", "slash": "/", "space": "Spc", "enter": "↵", "escape": "Esc"}
    return names.get(first) or format_key(first)


def palette_actions(screen: str) -> tuple[Action, ...]:
    """What the command palette offers on a screen."""
    return (*BY_SCREEN[screen], *(a for a in GLOBAL if a.id != "palette"))
