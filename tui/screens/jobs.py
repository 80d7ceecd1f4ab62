"""Jobs: what fails first, then the schedule with its next slots; queues and workers above."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from senex.domain.calendar import NEW_YORK
from tui import format as fmt
from tui.actions import screen_bindings
from tui.format import Cell
from tui.screens.tables import TableScreen
from tui.state import DAEMON_LATE
from tui.tones import line, lines, toned
from tui.widgets.line_table import Column, Row
from tui.widgets.panel import Panel, facts

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content

    from senex.ports.views import JobView, QueueView, ScheduleView

COLUMNS = (
    Column("job", "Job", 24, right=False, flex=True),
    Column("state", "State", 7, right=False),
    Column("next", "Next (New York)", 16, right=False),
    Column("in", "In", 4),
    Column("local", "Next (here)", 16, right=False, drop=3),
    Column("last", "Last slot", 12, right=False, drop=1),
    Column("result", "Result", 7, right=False),
    Column("queue", "Queue", 8, right=False, drop=2),
    Column("rule", "Rule", 44, right=False, drop=4),
)
_FAILING, _SCHEDULED = 0, 1
_TONES = {"done": "gain", "failing": "bad", "running": "accent", "waiting": "warn"}
_WORK = "work-"


class JobsScreen(TableScreen):
    """What the daemon does, when, and what came of it."""

    KEY: ClassVar[str] = "jobs"
    COLUMNS: ClassVar[tuple[Column, ...]] = COLUMNS
    BINDINGS: ClassVar[list[BindingType]] = screen_bindings("jobs")
    EMPTY: ClassVar[str] = "Nothing is scheduled.\n`senex db migrate` puts the schedule in."

    def body(self) -> ComposeResult:
        """Queues and workers, then the table."""
        yield Panel("Queues and workers", self._queues, id="queues")
        yield from super().body()

    def show_model(self) -> None:
        """All of it."""
        super().show_model()
        self.query_one("#queues", Panel).redraw()

    def rows(self) -> list[Row]:
        """Failing work, if there is any, and the schedule by its next slot."""
        snapshot = self.state.snapshot
        if snapshot is None:
            return []
        found: list[Row] = []
        if snapshot.failing:
            said = f" Failing: tried again by itself ({len(snapshot.failing)})"
            found.append(Row("title-failing", (Cell(said),), "title-failing", _FAILING, title=True))
            found += [self._failing(job) for job in snapshot.failing]
            found.append(
                Row("title-schedule", (Cell(" Schedule"),), "title-schedule", _SCHEDULED, title=True)
            )
        ordered = sorted(snapshot.schedule, key=lambda one: (one.next_slot is None, one.next_slot, one.name))
        return found + [self._scheduled(job) for job in ordered]

    def title_of(self, key: str) -> str:
        """Which job it is."""
        failing = self._work(key)
        return fmt.words(key if failing is None else failing.job)

    def detail_of(self, key: str, width: int) -> Content:
        """All of a job, or of failing work."""
        failing, job = self._work(key), self._job(key)
        if failing is not None:
            return _failing_detail(failing, width)
        return toned("This is done by now.", "dim") if job is None else self._detail(job, width)

    # -- keys

    def action_run(self) -> None:
        """Now, confirmed."""
        if (job := self._meant()) is not None:
            self.console.ask_job("run", job.name)

    def action_pause(self) -> None:
        """Pause, or resume what is paused; confirmed."""
        if (job := self._meant()) is not None:
            self.console.ask_job("pause" if job.enabled else "resume", job.name)

    def action_retry(self) -> None:
        """The failing work under the cursor, or that of the job there; confirmed."""
        key = self.table.cursor_key or ""
        snapshot = self.state.snapshot
        of_job = [one for one in snapshot.failing if one.job == key] if snapshot is not None else []
        failing = self._work(key) or (of_job[0] if of_job else None)
        if failing is not None:
            self.console.ask_retry(failing)
        elif key:
            self.console.say(f"Nothing of {fmt.words(key)} fails.")

    # -- rows

    def _meant(self) -> ScheduleView | None:
        """The job under the cursor, also that of failing work; what is in no schedule is told so."""
        key = self.table.cursor_key or ""
        failing = self._work(key)
        name = key if failing is None else failing.job
        job = self._job(name)
        if job is None and name:
            self.console.say(f"{fmt.words(name).capitalize()} is not in the schedule: `t` tries it again.")
        return job

    def _job(self, key: str) -> ScheduleView | None:
        snapshot = self.state.snapshot
        found = [] if snapshot is None else [job for job in snapshot.schedule if job.name == key]
        return found[0] if found else None

    def _work(self, key: str) -> JobView | None:
        snapshot = self.state.snapshot
        found = [] if snapshot is None else [job for job in snapshot.failing if f"{_WORK}{job.id}" == key]
        return found[0] if found else None

    def _failing(self, job: JobView) -> Row:
        said = f"{fmt.words(job.job)}: {fmt.clean(job.error or '')}"
        whose = self.whose(job.account_number) if job.account_number else ""
        cells = {
            "job": Cell(said + whose, "bad"),
            "state": Cell("failing", "bad"),
            "next": Cell(f"offered {job.offers}×", "dim"),
            "queue": Cell(fmt.clean(job.queue), "dim"),
        }
        key = f"{_WORK}{job.id}"
        return Row(key, tuple(cells.get(c.key, fmt.NOTHING) for c in COLUMNS), key, _FAILING)

    def _scheduled(self, job: ScheduleView) -> Row:
        now = self.state.now()
        state = Cell("on", "dim") if job.enabled else Cell("PAUSED", "warn")
        if job.problem is not None:
            state = Cell("unknown", "bad")
        slot = job.next_slot
        cells = {
            "job": Cell(fmt.words(job.name), "strong"),
            "state": state,
            "next": fmt.UNKNOWN_CELL if slot is None else Cell(_at(slot.astimezone(NEW_YORK))),
            "in": fmt.UNKNOWN_CELL if slot is None else Cell(fmt.age(slot - now), "dim"),
            "local": fmt.UNKNOWN_CELL if slot is None else Cell(_at(slot.astimezone()), "dim"),
            "last": Cell(fmt.moment(job.last_slot, now), "dim"),
            "result": Cell(job.result, _TONES.get(job.result, "dim")),
            "queue": Cell(fmt.clean(job.queue), "dim"),
            "rule": Cell(fmt.clean(job.rule), "dim"),
        }
        sort = (
            ("job", job.name),
            ("next", None if slot is None else slot.isoformat()),
            ("last", None if job.last_slot is None else job.last_slot.isoformat()),
            ("result", job.result),
            ("queue", job.queue),
        )
        return Row(job.name, tuple(cells[c.key] for c in COLUMNS), job.name, _SCHEDULED, sort=sort)

    def _detail(self, job: ScheduleView, width: int) -> Content:
        now = self.state.now()
        slot = job.next_slot
        rows = [
            facts(
                [
                    ("State", toned("on", "good") if job.enabled else toned("PAUSED", "warn")),
                    ("Rule, in New York time", fmt.clean(job.rule)),
                    ("Next slot, New York", fmt.DASH if slot is None else _at(slot.astimezone(NEW_YORK))),
                    ("Next slot, here", fmt.DASH if slot is None else _at(slot.astimezone())),
                    ("Last slot", fmt.moment(job.last_slot, now)),
                    ("Became", toned(job.result, _TONES.get(job.result, "dim"))),
                    ("Made up for within", f"{job.grace_seconds // 60} min"),
                    ("Queue", fmt.clean(job.queue)),
                ],
                min(width, 72),
            )
        ]
        rows += [line(""), toned(fmt.prose(job.problem), "bad")] if job.problem else []
        rows += [line(""), toned(fmt.prose(job.error), "bad")] if job.error else []
        return lines(rows)

    def _queues(self, width: int) -> Content:  # noqa: ARG002  each queue is one line
        snapshot = self.state.snapshot
        if snapshot is None:
            return toned(self.waiting_text.partition("\n")[0], "dim")
        return lines(
            [self._queue(queue) for queue in snapshot.queues] or [toned("No queue is known.", "dim")]
        )

    def _queue(self, queue: QueueView) -> Content:
        takers = (f"worker {queue.name}", queue.name)  # the streamer takes its own work
        ages = [one.age for one in self.state.processes if one.name.replace(".", " ") in takers]
        alive = [age for age in ages if age <= DAEMON_LATE]
        workers = f"{len(alive)} process{'es' if len(alive) != 1 else ''}"
        beat = f", heartbeat {fmt.age(timedelta(seconds=max(ages)))}" if ages else ""
        return line(
            toned(f"{queue.name:<9}", "strong"),
            toned(f"{queue.waiting:>3} waiting", "warn" if queue.waiting else "dim"),
            toned(f"{queue.running:>4} running", "accent" if queue.running else "dim"),
            toned(f"{queue.failing:>4} failing", "bad" if queue.failing else "dim"),
            toned("   " + workers + beat, "good" if alive and len(alive) == len(ages) else "bad"),
        )


def _failing_detail(job: JobView, width: int) -> Content:
    head = facts(
        [
            ("Number", str(job.id)),
            ("Account", fmt.clean(job.account_number or fmt.DASH)),
            ("Queue", fmt.clean(job.queue)),
            ("About", fmt.clean(job.subject)),
            ("Offered", f"{job.offers} times since {job.created_at:%d %b %H:%M:%S} UTC"),
        ],
        min(width, 72),
    )
    return lines([head, line(""), toned(fmt.prose(job.error or ""), "bad")])


def _at(local: datetime) -> str:
    return f"{local:%a %d %b %H:%M}"
