"""What a stream that is away says of it."""

from __future__ import annotations

import pytest

from senex.broker.sockets import StreamBroken
from senex.broker.streams import in_words


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (TimeoutError(), "no answer came in time"),
        (
            ExceptionGroup("x", [StreamBroken("nothing came in for 46 s")]),
            "The stream broke off: nothing came in for 46 s. It is connected again.",
        ),
        (ExceptionGroup("x", [ConnectionResetError()]), "the connection failed (ConnectionResetError)"),
        (OSError("no route"), "the connection failed (OSError: no route)"),
    ],
)
def test_why_a_stream_is_away_is_said_in_words(problem: Exception, said: str) -> None:
    assert in_words(problem) == said
