"""Fixtures of the tests of relay, workers and scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.machinery.machinery_support import Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.embedded import Endpoints


@pytest.fixture
def machinery(embedded: Endpoints, owner_url: str) -> Iterator[Stage]:
    """A stage on the session's servers, in a database and an emptied queue of its own."""
    with stage(owner_url, embedded.redis.daemon_url()) as one:
        yield one
