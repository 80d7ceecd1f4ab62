"""How much memory, how many connections and how much disk the daemon takes, evening by evening."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from tests.soak.world import World

WEEK = 5
LOG_MEGABYTES = 1
_SHARE, _MEGABYTES, _CONNECTIONS = 1.2, 10, 3
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Size:
    """Resident megabytes by process (of the workers the largest), and sessions at Postgres."""

    megabytes: dict[str, int]
    connections: int


def measured(world: World) -> Size:
    """The sizes now."""
    found: dict[str, int] = {}
    for name, process in world.family().items():
        with suppress(psutil.Error):
            kind = "workers" if name.startswith("worker ") else name
            found[kind] = max(found.get(kind, 0), process.memory_info().rss // _MEGABYTE)
    [row] = world.sql("SELECT count(*) AS open FROM pg_stat_activity WHERE datname = current_database()")
    return Size(found, row.open)


def growth(sizes: list[Size]) -> list[str]:
    """What has grown between the end of the first week and the last evening."""
    if len(sizes) <= WEEK:
        return []
    before, after = sizes[WEEK - 1], sizes[-1]
    found = [
        f"{name} grew from {was} to {after.megabytes[name]} MB"
        for name, was in before.megabytes.items()
        if after.megabytes.get(name, 0) > was * _SHARE + _MEGABYTES
    ]
    if after.connections > before.connections + _CONNECTIONS:
        found.append(f"connections grew from {before.connections} to {after.connections}")
    return found


def logs(world: World, sessions: int) -> list[str]:
    """Log files that are larger than they may be; after more than a week the busiest has been closed, too."""
    files = [path for path in world.stage.logs.glob("*/*.log*") if path.is_file()]
    large = [path.name for path in files if path.stat().st_size > LOG_MEGABYTES * _MEGABYTE]
    found = [f"log files beyond {LOG_MEGABYTES} MB: {large}"] if large or not files else []
    if sessions > WEEK and not any(path.name == "application.log.1" for path in files):
        found.append("no log file was ever closed and begun anew")
    return found
