"""What the WebSocket endpoints share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import WSMessage, WSMsgType

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aiohttp import web


def upgrades(request: web.Request) -> bool:
    """Whether a request wants a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def body_of(message: WSMessage) -> dict[str, Any]:
    """The JSON object of a message; anything else is empty, and answered as an unknown message."""
    if message.type is not WSMsgType.TEXT:
        return {}
    try:
        body = message.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


class beside:  # noqa: N801  reads as a statement: async with beside(work)
    """Run ``work`` while the block runs; a lost connection ends both."""

    def __init__(self, work: Coroutine[None, None, None]) -> None:
        self._work = work

    async def __aenter__(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work)

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
