"""Access to the app's state, typed, for widgets and screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from tui.state import State


class HasState(Protocol):
    """An app with a state: the console, or a small one in a test."""

    state: State


def state_of(node: DOMNode) -> State:
    """The state of the app this widget is in."""
    return cast("HasState", node.app).state
