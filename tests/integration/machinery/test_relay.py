"""The relay through real processes: nothing is lost, whoever is killed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from daemon.embedded import EmbeddedServices
from daemon.queues import job_id
from senex.store.migrate import migrate
from tests.integration.machinery.machinery_support import Stage, kill, kill_server, stage
from tests.waiting import ended, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUEUE = "rq:queue:trading"
_LEADER = (
    "SELECT instance FROM heartbeat WHERE name = 'relay' AND detail LIKE 'leader%%' ORDER BY beat_at DESC"
)


def _queued(machinery: Stage) -> list[str]:
    """The offers on the queue, without the recovery every relay asks for when it takes the lead."""
    start = machinery.sql.execute("SELECT id FROM outbox WHERE job = 'start'").fetchall()
    recovery = {f"outbox-{row[0]}" for row in start}
    names = [name.decode() for name in machinery.queues.lrange(_QUEUE, 0, -1) if isinstance(name, bytes)]
    return [name for name in names if name.rpartition("-")[0] not in recovery]


def test_new_work_is_offered_under_an_id_of_its_own(machinery: Stage) -> None:
    machinery.start("relay")
    ids = [machinery.add("note") for _ in range(3)]
    eventually(lambda: len(_queued(machinery)) == 3)
    assert _queued(machinery) == [job_id(one, 1) for one in ids]
    assert machinery.one("SELECT bool_and(lease_until > clock_timestamp()) FROM outbox")


def test_a_lapsed_lease_is_offered_again_in_place_of_the_first(machinery: Stage) -> None:
    work = machinery.add("note")
    machinery.start("relay")
    eventually(lambda: _queued(machinery) == [job_id(work, 1)])
    machinery.sql.execute(
        "UPDATE outbox SET lease_until = clock_timestamp() - interval '1 s' WHERE job = 'note'"
    )
    eventually(lambda: _queued(machinery) == [job_id(work, 2)])
    assert not machinery.queues.exists(f"rq:job:{job_id(work, 1)}")


def test_done_work_is_not_offered(machinery: Stage) -> None:
    done = machinery.add("note")
    machinery.sql.execute("UPDATE outbox SET done_at = clock_timestamp()")
    machinery.start("relay")
    work = machinery.add("note")
    eventually(lambda: _queued(machinery))
    assert _queued(machinery) == [job_id(work, 1)]
    assert done != work


def test_work_of_a_closed_account_waits(machinery: Stage) -> None:
    account = machinery.one(
        "INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed,"
        " closing_only, risk_preset, created_at, updated_at) VALUES (gen_random_uuid(), 'tastytrade',"
        " 'simulated', 'A1', '', 'margin', '', true, false, 'moderate', now(), now()) RETURNING id"
    )
    waiting = machinery.add("note")
    machinery.sql.execute("UPDATE outbox SET account_id = %s WHERE id = %s", (account, waiting))
    machinery.start("relay")
    work = machinery.add("note")
    eventually(lambda: _queued(machinery) == [job_id(work, 1)])
    machinery.sql.execute("UPDATE account SET closed = false")
    eventually(lambda: _queued(machinery) == [job_id(work, 1), job_id(waiting, 1)])


def test_a_standby_takes_over_from_a_killed_leader(machinery: Stage) -> None:
    first = machinery.start("relay")
    leader = eventually(lambda: machinery.one(_LEADER))
    machinery.start("relay")
    eventually(lambda: machinery.one("SELECT count(*) FROM heartbeat WHERE detail = 'standby'"))
    kill(first.pid)
    first.wait()
    work = machinery.add("note")
    eventually(lambda: _queued(machinery) == [job_id(work, 1)])
    eventually(lambda: machinery.one(_LEADER) not in {None, leader})


def test_losing_its_lock_ends_the_leader(machinery: Stage) -> None:
    relay = machinery.start("relay")
    eventually(lambda: machinery.one(_LEADER))
    machinery.sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'senex relay leader'"
    )
    assert ended(relay) != 0


@pytest.fixture
def alone(open_folder: Path) -> Iterator[tuple[EmbeddedServices, Stage]]:
    """Servers of one test, which may kill them."""
    services = EmbeddedServices("alone", root=open_folder)
    with services as endpoints:
        url = endpoints.postgres.superuser_url()
        migrate(url, operator="trader")
        with stage(url, endpoints.redis.daemon_url()) as one:
            yield services, one


def test_a_lost_redis_loses_nothing(alone: tuple[EmbeddedServices, Stage], open_folder: Path) -> None:
    services, machinery = alone
    relay = machinery.start("relay")
    eventually(lambda: machinery.one(_LEADER))
    kill_server("valkey-server", open_folder)
    ids = [machinery.add("note") for _ in range(3)]
    eventually(lambda: machinery.one("SELECT count(*) FROM heartbeat WHERE detail LIKE '%%Redis away'"))
    assert services.revive()
    eventually(lambda: _ids(machinery) == ids)
    assert relay.poll() is None


def test_without_redis_workers_find_by_themselves_what_nobody_can_offer(
    alone: tuple[EmbeddedServices, Stage], open_folder: Path
) -> None:
    _, machinery = alone
    machinery.start("relay")
    machinery.start("worker")
    first = machinery.add("note", "accounts")
    eventually(lambda: machinery.done(first))
    kill_server("valkey-server", open_folder)
    rows = [machinery.add("note", queue) for queue in ("accounts", "default", "trading")]
    eventually(lambda: all(map(machinery.done, rows)))
    assert [machinery.runs(row) for row in rows] == [1, 1, 1]


def test_a_worker_that_starts_without_redis_finds_work_too(
    alone: tuple[EmbeddedServices, Stage], open_folder: Path
) -> None:
    services, machinery = alone
    kill_server("valkey-server", open_folder)
    worker = machinery.start("worker")
    rows = [machinery.add("note", queue) for queue in ("accounts", "default", "trading")]
    eventually(lambda: all(map(machinery.done, rows)))
    assert [machinery.runs(row) for row in rows] == [1, 1, 1]
    services.revive()
    machinery.start("relay")
    late = machinery.add("note", "accounts")
    eventually(lambda: machinery.done(late))
    worker.terminate()
    assert ended(worker) == 0


def test_a_wiped_redis_is_filled_again_from_postgres(machinery: Stage) -> None:
    work = machinery.add("note")
    machinery.start("relay")
    eventually(lambda: _queued(machinery) == [job_id(work, 1)])
    machinery.queues.flushdb()
    machinery.sql.execute("UPDATE outbox SET lease_until = clock_timestamp()")
    eventually(lambda: _queued(machinery) == [job_id(work, 2)])


def test_a_lost_postgres_ends_the_relay_with_a_sentence(
    alone: tuple[EmbeddedServices, Stage], open_folder: Path
) -> None:
    services, machinery = alone
    relay = machinery.start("relay")
    eventually(lambda: machinery.one(_LEADER))
    kill_server("postgres", open_folder)
    assert ended(relay) != 0
    services.revive()


def test_the_relay_is_small(machinery: Stage) -> None:
    relay = machinery.start("relay")
    eventually(lambda: machinery.one(_LEADER))
    work = machinery.add("note")
    eventually(lambda: _ids(machinery) == [work])
    maps = Path(f"/proc/{relay.pid}/maps").read_text(encoding="utf-8")
    assert not [name for name in ("sqlalchemy", "pandas", "tastytrade", "numpy") if f"/{name}/" in maps]
    assert psutil.Process(relay.pid).memory_info().rss < 75 * 2**20


def _ids(machinery: Stage) -> list[int]:
    return [int(name.split("-")[1]) for name in _queued(machinery)]
