"""Postgres and a Redis-protocol server for one machine, from installed packages.

No container, no compiler, no root: the servers come with two Python packages
and run as this user, or as ``nobody`` when senex is started as root.
"""

from __future__ import annotations

from daemon.embedded.endpoints import Endpoints, PostgresEndpoint, RedisEndpoint
from daemon.embedded.services import EmbeddedServices

__all__ = ["EmbeddedServices", "Endpoints", "PostgresEndpoint", "RedisEndpoint"]
