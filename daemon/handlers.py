"""What each job of the outbox does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from senex.ports.unit_of_work import Work

Handler = Callable[[Any, Work], Awaitable[None]]

HANDLERS: Mapping[str, Handler] = {}
