"""On the path of a program that knows nothing of us: its tastytrade SDK meets the simulator.

Nothing else changes: the two URL constants where the SDK reads them. The
program is told by two variables, and has to be on this folder's path.
"""

from __future__ import annotations

import os

import tastytrade.session
import tastytrade.streamer

vars(tastytrade.session)["API_URL"] = os.environ["SIMULATOR_REST"]  # noqa: TID251  set by tests.conformance
vars(tastytrade.streamer)["STREAMER_URL"] = os.environ["SIMULATOR_ALERTS"]  # noqa: TID251
