"""The workers through real processes: what runs, what is refused, what a kill leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil
import pytest
from redis import Redis
from redis.exceptions import NoPermissionError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from daemon.queues import QUEUES, SLOT, ConfinedJob, ConfinedQueue, job_id, offer
from daemon.worker import JOBS_PER_CHILD
from senex.store.outbox import Offer
from tests.integration.machinery.machinery_support import descendants, gone, kill
from tests.waiting import ended, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.embedded import Endpoints
    from tests.integration.machinery.machinery_support import Stage


def _queue(machinery: Stage, outbox_id: int, queue: str = "trading", number: int = 1) -> None:
    offer(machinery.queues, Offer(outbox_id, queue, "test", number))


def test_each_queue_runs_its_work_once(machinery: Stage) -> None:
    worker = machinery.start("worker")
    work = {queue: machinery.add("note", queue) for queue in QUEUES}
    for queue, one in work.items():
        _queue(machinery, one, queue)
    eventually(lambda: all(machinery.done(one) for one in work.values()))
    # the same work delivered again changes nothing
    for queue, one in work.items():
        _queue(machinery, one, queue, number=2)
    eventually(lambda: not any(machinery.queues.exists(f"rq:job:{job_id(one, 2)}") for one in work.values()))
    assert [machinery.runs(one) for one in work.values()] == [1, 1, 1]
    # each in its queue's worker, whose parent does nothing but keep them
    ran = machinery.sql.execute("SELECT pid, parent FROM ran").fetchall()
    assert len({pid for pid, _ in ran}) == len(QUEUES)
    assert {parent for _, parent in ran} == {worker.pid}


def test_a_queue_has_as_many_workers_as_it_is_given(machinery: Stage) -> None:
    worker = machinery.start("worker", concurrency={"accounts": 3})
    eventually(lambda: len(descendants(worker.pid)) == 5)
    work = machinery.add("note", "accounts")
    _queue(machinery, work, "accounts")
    eventually(lambda: machinery.done(work))


def test_two_workers_on_one_row_run_it_once(machinery: Stage) -> None:
    machinery.start("worker", limit=5)
    work = machinery.add("hang", "accounts")
    _queue(machinery, work, "accounts", number=1)
    eventually(lambda: machinery.runs(work))
    machinery.queues.lpush("rq:queue:accounts", "never")  # a name without a job is passed over
    ConfinedQueue("accounts", connection=machinery.queues).enqueue_call(
        "daemon.jobs.run", args=(work,), job_id="second", result_ttl=0
    )
    eventually(lambda: not machinery.queues.exists("rq:job:second"))
    assert machinery.runs(work) == 1


def test_foreign_functions_and_callbacks_are_refused(machinery: Stage, tmp_path: Path) -> None:
    worker = machinery.start("worker")
    mark = tmp_path / "mark"
    for queue in QUEUES:
        Queue(queue, connection=machinery.queues, serializer=JSONSerializer).enqueue(
            "os.system", f"touch {mark}", job_id=f"foreign-{queue}"
        )
    eventually(lambda: all(_status(machinery, f"foreign-{queue}") == "failed" for queue in QUEUES))
    assert not mark.exists()
    for queue in QUEUES:
        result = ConfinedJob.fetch(f"foreign-{queue}", connection=machinery.queues).latest_result()
        assert result is not None
        assert "E_JOB_REFUSED" in str(result.exc_string)
    work = machinery.add("note")
    job = Job.create(
        "daemon.jobs.run", args=(work,), id="callback", connection=machinery.queues, serializer=JSONSerializer
    )
    job.save()
    machinery.queues.hset(job.key, "success_callback_name", "os.abort")  # would end the worker
    machinery.queues.rpush("rq:queue:trading", "callback")
    eventually(lambda: not machinery.queues.exists(job.key))
    ran = machinery.one("SELECT pid FROM ran WHERE outbox_id = %s", work)
    assert ran in {one.pid for one in descendants(worker.pid)}


def test_the_console_may_not_enqueue(embedded: Endpoints, machinery: Stage) -> None:
    console = Redis.from_url(embedded.redis.console_url())
    with pytest.raises(NoPermissionError):
        Queue("trading", connection=console, serializer=JSONSerializer).enqueue("daemon.jobs.run", 1)
    with pytest.raises(NoPermissionError):
        console.select(2)
    console.close()


def test_new_trading_work_needs_neither_relay_nor_queue(machinery: Stage) -> None:
    waiting = machinery.add("note")
    machinery.start("worker")
    eventually(lambda: machinery.done(waiting))
    new = machinery.add("note")
    eventually(lambda: machinery.done(new))
    assert [machinery.runs(one) for one in (waiting, new)] == [1, 1]


def test_what_moves_orders_does_not_wait_for_what_takes_long(machinery: Stage) -> None:
    machinery.start("worker")
    long = machinery.add("hang")
    eventually(lambda: machinery.runs(long))
    decision = machinery.add("decide")
    eventually(lambda: machinery.done(decision))
    assert (machinery.runs(decision), machinery.done(long)) == (1, False)


def test_what_follows_is_done_in_the_same_run_and_once(machinery: Stage) -> None:
    machinery.start("worker")
    work = machinery.add("lead_on")
    following = eventually(
        lambda: machinery.one(
            "SELECT id FROM outbox WHERE subject = %s AND done_at IS NOT NULL", f"after {work}"
        )
    )
    _queue(machinery, following)
    eventually(lambda: not machinery.queues.exists(f"rq:job:{job_id(following, 1)}"))
    assert machinery.runs(following) == 1


def test_the_work_of_a_slot_is_done_where_it_is_claimed(machinery: Stage) -> None:
    """The first account's at once and without a relay; the second's as the relay offers it."""
    first, second = (_open_account(machinery) for _ in range(2))
    machinery.start("worker")
    _claim(machinery, "note")
    eventually(lambda: _of(machinery, first) is not None and machinery.done(_of(machinery, first)))
    assert machinery.one("SELECT offers FROM outbox WHERE account_id = %s", first) == 1
    assert machinery.one("SELECT lease_until FROM outbox WHERE account_id = %s", second) is None
    machinery.start("relay")
    eventually(lambda: machinery.done(_of(machinery, second)))
    assert [machinery.runs(_of(machinery, one)) for one in (first, second)] == [1, 1]


def test_the_work_of_a_slot_is_offered_should_its_worker_die(machinery: Stage) -> None:
    account = _open_account(machinery)
    machinery.start("worker")
    _claim(machinery, "hang_once")
    eventually(lambda: _of(machinery, account) is not None and machinery.runs(_of(machinery, account)))
    work = _of(machinery, account)
    kill(machinery.one("SELECT pid FROM ran WHERE outbox_id = %s", work))
    machinery.sql.execute("UPDATE outbox SET lease_until = clock_timestamp()")  # it lapses by itself
    machinery.start("relay")
    eventually(lambda: machinery.done(work))
    assert machinery.runs(work) == 2


def test_what_fails_is_stored_and_offered_again(machinery: Stage) -> None:
    machinery.start("relay")
    machinery.start("worker")
    work = machinery.add("fail_once", "default")
    eventually(lambda: machinery.done(work))
    assert machinery.runs(work) == 2
    assert "the first run fails" in machinery.one("SELECT error FROM outbox WHERE id = %s", work)


def test_what_hangs_or_is_unknown_says_so_and_the_worker_goes_on(machinery: Stage) -> None:
    machinery.start("worker", limit=0.2)
    for job, code in (("hang", "E_JOB_TIMEOUT"), ("of_tomorrow", "E_JOB_UNKNOWN")):
        work = machinery.add(job)
        _queue(machinery, work)
        assert code in _error(machinery, work)
    after = machinery.add("note")
    _queue(machinery, after)
    eventually(lambda: machinery.done(after))


def test_what_never_waits_ends_its_worker_and_is_tried_again(machinery: Stage) -> None:
    worker = machinery.start("worker", limit=5)
    work = machinery.add("block_once", "accounts")
    ConfinedQueue("accounts", connection=machinery.queues).enqueue_call(
        "daemon.jobs.run", args=(work,), job_id="blocking", result_ttl=0, timeout=1
    )
    eventually(lambda: machinery.runs(work))
    blocked = psutil.Process(machinery.one("SELECT pid FROM ran WHERE outbox_id = %s", work))
    eventually(lambda: gone(blocked))
    _queue(machinery, work, "accounts", number=2)
    eventually(lambda: machinery.done(work))
    assert machinery.runs(work) == 2
    assert worker.poll() is None


def test_killing_the_parent_leaves_no_orphan(machinery: Stage) -> None:
    worker = machinery.start("worker")
    work = machinery.add("hang", "accounts")
    _queue(machinery, work, "accounts")
    eventually(lambda: machinery.runs(work))
    family = descendants(worker.pid)
    assert len(family) == 4
    kill(worker.pid)
    worker.wait()
    eventually(lambda: all(gone(one) for one in family))


def test_a_killed_child_is_replaced_and_its_work_done(machinery: Stage) -> None:
    machinery.start("relay")
    worker = machinery.start("worker")
    work = machinery.add("hang_once", "trading")
    eventually(lambda: machinery.runs(work))
    kill(machinery.one("SELECT pid FROM ran WHERE outbox_id = %s", work))
    machinery.sql.execute("UPDATE outbox SET lease_until = clock_timestamp() WHERE id = %s", (work,))
    eventually(lambda: machinery.done(work))
    assert machinery.runs(work) == 2
    assert worker.poll() is None


def test_a_worker_retires_after_a_hundred_jobs_and_nothing_is_lost(machinery: Stage) -> None:
    machinery.start("relay")
    machinery.start("worker")
    works = [machinery.add("note", "default") for _ in range(JOBS_PER_CHILD)]
    eventually(lambda: all(machinery.done(work) for work in works))
    ((first,),) = machinery.sql.execute("SELECT DISTINCT pid FROM ran WHERE job = 'note'").fetchall()
    eventually(
        lambda: machinery.one("SELECT 1 FROM heartbeat WHERE name = 'worker default' AND pid <> %s", first)
    )
    later = machinery.add("note", "default")
    eventually(lambda: machinery.done(later))
    assert machinery.one("SELECT pid FROM ran WHERE outbox_id = %s", later) != first
    assert machinery.one("SELECT count(*) FROM ran WHERE job = 'note'") == JOBS_PER_CHILD + 1


def test_stopping_ends_everything(machinery: Stage) -> None:
    worker = machinery.start("worker")
    eventually(lambda: machinery.one("SELECT count(*) FROM heartbeat WHERE name LIKE 'worker%%'") == 4)
    family = descendants(worker.pid)
    assert isinstance(family[0], psutil.Process)
    worker.terminate()
    assert ended(worker) == 0
    eventually(lambda: all(gone(one) for one in family))


def _error(machinery: Stage, work: int) -> str:
    """What went wrong with the work, once it has."""
    return str(eventually(lambda: machinery.one("SELECT error FROM outbox WHERE id = %s", work)))


def _status(machinery: Stage, name: str) -> str | None:
    raw = machinery.queues.hget(f"rq:job:{name}", "status")
    return raw.decode() if isinstance(raw, bytes) else None


def _open_account(machinery: Stage) -> Any:
    return machinery.one(
        "INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed,"
        " closing_only, risk_preset, created_at, updated_at)"
        " SELECT lpad(count(*)::text, 32, '0')::uuid, 'tastytrade', 'simulated', (count(*))::text, '', 'margin',"
        " '', false, false, 'moderate', now(), now() FROM account RETURNING id"
    )


def _claim(machinery: Stage, job: str) -> None:
    """Have a slot of a job come up."""
    machinery.sql.execute(
        "INSERT INTO job_schedule (name, rule, queue, enabled, grace_seconds)"
        " VALUES (%s, 'daily 10:00 every', 'accounts', true, 0)",
        (job,),
    )
    ConfinedQueue("accounts", connection=machinery.queues).enqueue_call(
        SLOT, args=(job, "2026-03-04T15:00:00+00:00", "one"), result_ttl=0
    )


def _of(machinery: Stage, account: Any) -> Any:
    return machinery.one("SELECT id FROM outbox WHERE account_id = %s", account)
