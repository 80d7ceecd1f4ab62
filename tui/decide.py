"""Decisions: one INSERT each, then wait for what the daemon answers.

The console cannot trade. It writes what the operator decided, who, where and
in which role; the daemon checks it again and answers with a result row.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from senex.domain.errors import SenexError
from tui.messages import DecisionAnswered, DecisionSent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from uuid import UUID

    from textual.message import Message

    from senex.ports.views import DecisionResultView, OrderView, SuggestionView

ANSWER_WITHIN = 30.0
LOOK_EVERY = 0.25


class Decider(Protocol):
    """What the operator can decide. Each call returns the decision's id; all may raise a ``SenexError``."""

    async def approve(
        self, suggestion: SuggestionView, *, shown_at: datetime, passphrase: str | None
    ) -> UUID:
        """Approve exactly this version and digest, priced as shown at ``shown_at``."""
        ...

    async def reject(self, suggestion: SuggestionView, *, reason: str) -> UUID:
        """Reject it, saying why."""
        ...

    async def cancel(self, order: OrderView, *, reason: str) -> UUID:
        """Ask for a cancel."""
        ...

    async def set_state(self, account_id: UUID, state: str, *, reason: str) -> UUID:
        """Set the trading state."""
        ...

    async def suggest(self, account_id: UUID, symbol: str) -> UUID:
        """Ask for a suggestion."""
        ...

    async def sync(self, account_id: UUID) -> UUID:
        """Ask for the account to be read again."""
        ...

    async def result(self, decision_id: UUID) -> DecisionResultView | None:
        """The daemon's answer, None while there is none."""
        ...

    async def has_passphrase(self) -> bool:
        """Whether this operator has set one."""
        ...

    async def unlock(self, passphrase: str) -> bool:
        """Whether it is the operator's passphrase."""
        ...


class Decisions:
    """Sends one decision at a time from a worker and posts what becomes of it."""

    def __init__(
        self, decider: Decider, post: Callable[[Message], object], *, within: float = ANSWER_WITHIN
    ) -> None:
        self._decider = decider
        self._post = post
        self._within = within

    async def send(self, what: str, decision: Awaitable[UUID]) -> None:
        """Insert it and wait for the answer; every outcome is a message."""
        try:
            decision_id = await decision
        except SenexError as problem:
            self._post(DecisionAnswered(what, None, problem=problem.message))
            return
        self._post(DecisionSent(decision_id, what))
        try:
            async with asyncio.timeout(self._within):
                result = await self._answer(decision_id)
        except TimeoutError:
            self._post(
                DecisionAnswered(
                    what,
                    None,
                    problem=f"The daemon has not answered within {self._within:.0f} s. The decision is stored "
                    "and will be carried out when it is back, while it is still valid.",
                )
            )
            return
        self._post(DecisionAnswered(what, result))

    async def _answer(self, decision_id: UUID) -> DecisionResultView:
        while True:
            try:
                result = await self._decider.result(decision_id)
            except SenexError:
                result = None  # the model reports the outage; the answer is asked for again
            if result is not None:
                return result
            await asyncio.sleep(LOOK_EVERY)
