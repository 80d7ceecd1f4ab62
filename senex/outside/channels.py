"""Channels through apprise, the only importer of it: mail, push, chat, anything it has an address for.

It is imported when something is sent, not before. Addresses are secrets: a channel is known by its kind and a
digest, and nothing that apprise says about an address is logged or raised.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from senex.domain.errors import Unavailable, UsageProblem
from senex.domain.notices import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = {Level.INFO: "info", Level.WARNING: "warning", Level.CRITICAL: "failure"}


def read_channels(text: str) -> Mapping[str, tuple[str, ...]]:
    """The addresses of each operator, from lines ``OPERATOR=ADDRESS``.

    Raises:
        UsageProblem: ``E_CONFIG_VALUE``; the line is named by its number, since it holds a secret.
    """
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        operator, _, address = (part.strip() for part in line.partition("="))
        if not operator or "://" in operator or "://" not in address:
            raise UsageProblem(
                "E_CONFIG_VALUE",
                f"SENEX_NOTIFY_URLS is not usable: line {number} is not OPERATOR=ADDRESS; "
                "docs/operating.md shows some.",
            )
        found[operator] = (*found.get(operator, ()), address)
    return found


def channel_name(address: str) -> str:
    """The kind of an address and a digest of all of it: ``mailtos-3f2a9c1e``."""
    kind = address.partition("://")[0].lower()
    return f"{kind}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"


class AppriseNotifier:
    """``ports.notifier.Notifier`` through apprise."""

    def __init__(self, addresses: Mapping[str, tuple[str, ...]]) -> None:
        self._of = {operator: tuple(map(channel_name, theirs)) for operator, theirs in addresses.items()}
        self._addresses = {channel_name(one): one for theirs in addresses.values() for one in theirs}

    def channels(self, operator: str) -> tuple[str, ...]:
        return self._of.get(operator, ())

    async def send(self, channel: str, *, title: str, text: str, level: Level) -> None:
        address = self._addresses.get(channel)
        if address is None:
            raise UsageProblem(
                "E_NOTIFY_CHANNEL", f"There is no channel {channel} (any more) in SENEX_NOTIFY_URLS."
            )
        await asyncio.to_thread(_send, channel, address, title, text, level)


def _send(channel: str, address: str, title: str, text: str, level: Level) -> None:
    import apprise  # noqa: PLC0415  heavy, and most of the time there is nothing to send

    logging.getLogger("apprise").disabled = True  # it may name addresses
    post = apprise.Apprise()
    if not post.add(address):
        raise UsageProblem(
            "E_NOTIFY_CHANNEL", f"The address of {channel} in SENEX_NOTIFY_URLS is not one apprise can use."
        )
    if not post.notify(body=text, title=title, notify_type=_KINDS[level], body_format="text"):
        raise Unavailable(
            "E_NOTIFY_AWAY", f"The channel {channel} did not take the message; it is tried again."
        )
