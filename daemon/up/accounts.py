"""``python -m daemon.up.accounts``: which open accounts the broker's login reaches, as one line of JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

from senex.bootstrap.access import broker_access
from senex.broker.gateway import open_gateway
from senex.bus.clock import WallClock
from senex.config import DaemonSettings, load
from senex.domain.errors import SenexError


async def _reached() -> list[str]:
    access = await asyncio.to_thread(broker_access, load(DaemonSettings))
    async with open_gateway(access, clock=WallClock()) as gateway:
        return [one.number for one in await gateway.accounts() if not one.closed]


def main() -> int:
    """Print them, or the error with its exit code."""
    try:
        told: dict[str, object] = {"accounts": asyncio.run(_reached())}
    except SenexError as problem:
        told = {"code": problem.code, "message": problem.message, "exit": problem.exit_code}
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
