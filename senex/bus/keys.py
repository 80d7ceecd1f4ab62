"""Every name senex uses in Redis database 0, in one place.

All cache keys carry a TTL (the policy is ``volatile-lru``); queues live in
database 2 and never do. The console's Redis user may read ``senex:quote*``,
subscribe to the channels and write ``senex:lease:*``, nothing else.
"""

from __future__ import annotations

QUOTES = "senex:quotes"
"""Hash: streamer symbol to its newest quote."""
GREEKS = "senex:quote:greeks"
"""Hash: streamer symbol to its newest Greeks."""
PULSE = "senex:quote:pulse"
"""String: what the streamer last said of its own connection."""
LEASES = "senex:lease:"
"""Prefix of one string per holder: the symbols it wants streamed."""
LOGINS = "senex:login:"
"""Prefix of one string per login the broker has just refused, holding what it said."""

QUOTE_CHANNEL = "senex:frames"
"""Channel: framed quotes, at least one frame a second while a streamer lives."""
EVENT_CHANNEL = "senex:events"
"""Channel: hints that an object changed."""

CACHE_TTL = 900
"""Seconds the quote hashes outlive the last flush."""
PULSE_TTL = 60
"""Seconds the pulse outlives the last flush."""
LEASE_TTL = 30
"""Seconds a console's lease lasts; it renews three times as often."""


def lease(holder: str) -> str:
    """The key of one holder's lease."""
    return LEASES + holder
