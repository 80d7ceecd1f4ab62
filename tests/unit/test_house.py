"""What ``senex up`` does beside its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.up.house import LOG_LIMIT, shorten

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_server_said_stays_beside_its_log_when_that_is_begun_anew(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.touch(mode=0o600)
    with log.open("ab") as server:
        server.write(b"PANIC\n")
        server.truncate(LOG_LIMIT)
        shorten(log)
        assert not log.with_suffix(".old").exists()
        server.truncate(LOG_LIMIT + 1)
        shorten(log)
        old = log.with_suffix(".old")
        assert old.stat().st_mode & 0o777 == 0o600
        server.write(b"ready\n")
    assert log.read_bytes() == b"ready\n"
    with old.open("rb") as kept:
        assert kept.readline() == b"PANIC\n"
