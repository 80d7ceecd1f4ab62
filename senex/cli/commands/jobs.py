"""``senex jobs`` and ``senex schedule``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import confirm, report, required_reason, run, some_account, timeout_option, yes_option
from senex.cli.output import UNKNOWN, json_option, plain, print_json, table
from senex.domain.calendar import NEW_YORK
from senex.domain.decisions import LAST_JOB

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from uuid import UUID

    from senex.bootstrap.console import Console
    from senex.ports.views import JobView, ScheduleView

_STATES = ("waiting", "running", "failing", "done")


@click.group()
def jobs() -> None:
    """The daemon's work: what waits, runs, fails; run, pause and retry it."""


@click.group()
def schedule() -> None:
    """When the daemon does what."""


@schedule.command()
@json_option
def show(*, as_json: bool) -> None:
    """Print every scheduled job: its rule, next slot in New York and local time, last slot and what became of it.

    Example: senex schedule show
    """
    found = run(lambda console: console.reads.schedule(console.clock.now()))
    if as_json:
        print_json(schedule=[plain(one) | _told(one) for one in found])
        return
    table(
        (
            "job",
            "rule (New York)",
            "on",
            "next (New York)",
            "next (local)",
            "last (New York)",
            "result",
            "grace",
        ),
        [_row(one) for one in found],
        empty="Nothing is scheduled; `senex db migrate` puts the schedule in.",
    )


@jobs.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only work in this state.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, newest first."
)
@json_option
def list_(*, state: str | None, limit: int, as_json: bool) -> None:
    """Print the queues with their depth, the workers with their heartbeat, and the newest work.

    Example: senex jobs list --state running
    """

    async def read(console: Console) -> None:
        states = None if state is None else (state,)
        found = await console.reads.jobs(states=states, limit=limit)
        queues = await console.reads.queues()
        workers = [one for one in await console.reads.processes() if one.name.startswith("worker")]
        if as_json:
            print_json(queues=queues, workers=workers, jobs=found)
            return
        table(
            ("queue", "waiting", "running", "failing", "oldest"),
            [
                (one.name, str(one.waiting), str(one.running), str(one.failing), _seconds(one.oldest))
                for one in queues
            ],
            empty="There is no queue.",
        )
        click.echo()
        table(
            ("worker", "where", "heartbeat"),
            [(one.name, one.instance, f"{one.age:.0f} s ago") for one in workers],
            empty="No worker runs; `senex status` says what else is missing.",
        )
        click.echo()
        _print(found, empty="There is no such work.")

    run(read)


@jobs.command()
@json_option
def failed(*, as_json: bool) -> int:
    """Print the work that fails, with its last error; it is tried again by itself. Exit 1 when there is any.

    Example: senex jobs failed
    """
    found = run(lambda console: console.reads.jobs(states=("failing",), limit=1000))
    if as_json:
        print_json(jobs=found)
    else:
        _print(found, empty="Nothing fails.")
    return 1 if found else 0


@jobs.command("run")
@click.argument("name", metavar="JOB")
@timeout_option
@json_option
def run_(name: str, *, timeout: float, as_json: bool) -> int:
    """Run the scheduled JOB now, for every account, beside its slots.

    Example: senex jobs run reconcile_trades
    """
    return _decide(lambda console, account: console.decider.run_job(account, name), timeout, as_json=as_json)


@jobs.command()
@click.argument("name", metavar="JOB")
@required_reason
@yes_option
@timeout_option
@json_option
def pause(name: str, *, reason: str, yes: bool, timeout: float, as_json: bool) -> int:
    """Give JOB no more slots until it is resumed. It asks first: senex then does not do that work.

    Example: senex jobs pause cleanup_old_suggestions --reason "looking at one"
    """
    confirm(f"Pause {name}, so that nobody does its work until you resume it?", yes=yes)
    return _decide(
        lambda console, account: console.decider.pause_job(account, name, reason=reason),
        timeout,
        as_json=as_json,
    )


@jobs.command()
@click.argument("name", metavar="JOB")
@click.option("--reason", default="", help="Why; it is recorded.")
@timeout_option
@json_option
def resume(name: str, *, reason: str, timeout: float, as_json: bool) -> int:
    """Give JOB its slots again.

    Example: senex jobs resume cleanup_old_suggestions
    """
    return _decide(
        lambda console, account: console.decider.resume_job(account, name, reason=reason),
        timeout,
        as_json=as_json,
    )


@jobs.command()
@click.argument("number", metavar="ID", type=click.IntRange(1, LAST_JOB))
@timeout_option
@json_option
def retry(number: int, *, timeout: float, as_json: bool) -> int:
    """Try the failing work ID again at once.

    Example: senex jobs retry 4711
    """
    return _decide(
        lambda console, account: console.decider.retry_job(account, number), timeout, as_json=as_json
    )


def _decide(decision: Callable[[Console, UUID], Awaitable[UUID]], timeout: float, *, as_json: bool) -> int:
    async def decide(console: Console) -> int:
        made = await decision(console, await some_account(console))
        return report(await console.decider.wait_result(made, timeout), as_json=as_json)

    return run(decide)


def _print(found: tuple[JobView, ...], *, empty: str) -> None:
    table(
        ("id", "job", "account", "queue", "state", "offered", "since (UTC)", "error"),
        [
            (
                str(one.id),
                one.job,
                one.account_number or "",
                one.queue,
                one.state,
                f"{one.offers}×",
                f"{one.created_at:%m-%d %H:%M:%S}",
                one.error or "",
            )
            for one in found
        ],
        empty=empty,
    )


def _told(one: ScheduleView) -> dict[str, str | None]:
    """The next slot as clocks on the wall show it."""
    slot = one.next_slot
    return {
        "next_slot_new_york": None if slot is None else slot.astimezone(NEW_YORK).isoformat(),
        "next_slot_local": None if slot is None else slot.astimezone().isoformat(),
    }


def _row(one: ScheduleView) -> tuple[str, ...]:
    return (
        one.name,
        one.rule,
        "yes" if one.enabled else "PAUSED",
        _moment(one.next_slot and one.next_slot.astimezone(NEW_YORK)),
        _moment(one.next_slot and one.next_slot.astimezone()),
        _moment(one.last_slot and one.last_slot.astimezone(NEW_YORK)),
        f"{one.result}: {one.error}" if one.result == "failing" else one.problem or one.result,
        f"{one.grace_seconds // 60} min",
    )


def _moment(instant: datetime | None) -> str:
    return UNKNOWN if instant is None else f"{instant:%a %m-%d %H:%M}"


def _seconds(age: float | None) -> str:
    return UNKNOWN if age is None else f"{age:.0f} s"
