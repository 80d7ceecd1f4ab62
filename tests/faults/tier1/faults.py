"""The faults that are drawn at random: how each strikes. The numbers are RELIABILITY's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.faults.tier1.lines import Act, Fuse, Verdict, reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from tests.faults.tier1.lines import Request
    from tests.faults.tier1.trial import Trial

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>502</body></html>"
GARBAGE = (
    reply(502, _HTML, "text/html"),
    reply(500, b'{"error":{"code":"internal_error","message":"Something went wrong"}}'),
    reply(503, b""),
    reply(504, _HTML, "text/html"),
    reply(201, b""),
    reply(201, b'{"data":{"order":{"id":'),
    reply(201, b'{"data":{"order":{"id":1,"status":"Dancing"}}}'),
    reply(200, b"[]"),
    reply(408, b""),
    reply(409, b'{"error":{"code":"conflict","message":"Conflict"}}'),
)
TOKEN_DEAD = reply(
    401, b'{"error":{"code":"token_invalid","message":"This token is invalid or has expired"}}'
)
CROWDED = reply(429, b'{"error":{"code":"too_many_requests","message":"Too many requests"}}')


async def _nothing(trial: Trial) -> None:
    del trial


@dataclass(frozen=True)
class Fault:
    """``arm`` before the approval, ``later`` once before the end; the seed says where it strikes."""

    number: str
    name: str
    arm: Callable[[Trial], Awaitable[None]]
    later: Callable[[Trial], Awaitable[None]] = _nothing
    beats: tuple[int, int] = (1, 4)
    lined: bool = False
    """Whether it strikes between senex and Postgres."""


def _on_submission(trial: Trial, verdict: Callable[[], Verdict], *, most: int = 2) -> None:
    """Spoil one submission, or two, chosen by the seed among the first five."""
    chosen = set(trial.draw.sample(range(5), k=trial.draw.randint(1, most)))
    chosen.add(0 if trial.draw.random() < 0.6 else 1)
    seen = iter(range(1 << 30))

    async def spoil(request: Request) -> Verdict | None:
        return verdict() if trial.submits(request) and next(seen) in chosen else None

    trial.spoils = spoil


async def _lost_answer(trial: Trial) -> None:
    silent = trial.draw.random() < 0.15
    _on_submission(trial, lambda: Verdict(Act.SILENCE if silent else Act.CUT))


async def _late_accept(trial: Trial) -> None:
    _on_submission(trial, lambda: Verdict(Act.LATE), most=1)


async def _release(trial: Trial) -> None:
    if trial.draw.random() < 0.5:
        await _give_up(trial)
    trial.say(f"{await trial.bench.broker.release()} submission(s) arrive late")
    if trial.draw.random() < 0.5:
        trial.fill_one()


async def _give_up(trial: Trial) -> None:
    """Time enough that a submission nobody finds is given up."""
    for _ in range(3):
        await trial.bench.time_passes(200)
        await trial.bench.offer("monitor_open_orders", trial.account, trial.account)
        await trial.bench.drain()


async def _garbled(trial: Trial) -> None:
    def verdict() -> Verdict:
        act = Act.GARBLE if trial.draw.random() < 0.7 else Act.ANSWER
        return Verdict(act, trial.draw.choice(GARBAGE))

    _on_submission(trial, verdict)


async def _dropped(trial: Trial) -> None:
    _on_submission(trial, lambda: Verdict(Act.DROP))


async def _doubled(trial: Trial) -> None:
    _on_submission(trial, lambda: Verdict(Act.DOUBLE))


async def _killed(trial: Trial) -> None:
    trial.bench.light(Fuse(at=trial.draw.randint(1, 220), after=trial.draw.random() < 0.5))


async def _killed_again(trial: Trial) -> None:
    trial.bench.light(Fuse(at=trial.draw.randint(1, 120), after=trial.draw.random() < 0.5))


async def _alerts(trial: Trial, modes: tuple[str, ...], number: int) -> None:
    faults = trial.bench.server.services.faults
    for _ in range(number):
        mode = trial.draw.choice(modes)
        more: dict[str, Any] = {"seconds": 1} if mode == "late" else {}
        if mode not in {"abort", "close"}:
            more["type"] = "Order"
        trial.say(f"an alert: {mode}")
        faults.add({"endpoint": "alerts", "mode": mode, **more})


async def _alerts_twice(trial: Trial) -> None:
    await _alerts(trial, ("duplicate",), 6)


async def _alerts_mixed_up(trial: Trial) -> None:
    await _alerts(trial, ("reorder", "late", "duplicate"), 5)


async def _alerts_missing(trial: Trial) -> None:
    await _alerts(trial, ("missing", "invalid", "invalid-json"), 3)


async def _alerts_broken(trial: Trial) -> None:
    await _alerts(trial, ("abort", "close", "missing"), 1)


async def _in_parts(trial: Trial) -> None:
    trial.bench.server.services.faults.add({"endpoint": "fills", "mode": "partial", "units": 1})


async def _races(trial: Trial) -> None:
    for mode in ("fill-wins", "cancel-wins", "fill-wins"):
        if trial.draw.random() < 0.7:
            trial.bench.server.services.faults.add({"endpoint": "cancel", "mode": mode})


async def _cancels(trial: Trial) -> None:
    await trial._cancel_one()
    await trial.bench.drain()


async def _token_expires(trial: Trial) -> None:
    calls = trial.draw.randint(0, 12)
    seen = iter(range(1 << 30))

    async def spoil(request: Request) -> Verdict | None:
        if next(seen) == calls:
            trial.bench.simulator.tokens.expire()
            trial.say("all tokens expire")
        return None

    trial.spoils = spoil


async def _crowded(trial: Trial) -> None:
    chance = trial.draw.uniform(0.1, 0.5)
    left = iter(range(trial.draw.randint(1, 8)))

    async def spoil(request: Request) -> Verdict | None:
        del request
        hit = trial.draw.random() < chance and next(left, None) is not None
        return Verdict(Act.ANSWER, CROWDED) if hit else None

    trial.spoils = spoil


async def _postgres_lost(trial: Trial) -> None:
    database = trial.bench.database
    database.commits, database.after = trial.draw.randint(1, 25), trial.draw.random() < 0.5


async def _partition(trial: Trial) -> None:
    begins, lasts = trial.draw.randint(0, 14), trial.draw.randint(1, 12)
    seen = iter(range(1 << 30))

    async def spoil(request: Request) -> Verdict | None:
        if begins <= next(seen) < begins + lasts:
            return Verdict(Act.CUT if trial.draw.random() < 0.3 else Act.DROP)
        return None

    trial.spoils = spoil


async def _clock_jumps(trial: Trial) -> None:
    trial.bench.clock.off = timedelta(hours=trial.draw.choice((-1, 1)))


async def _clock_jumps_amid(trial: Trial) -> None:
    jump, at = timedelta(hours=trial.draw.choice((-1, 1))), trial.draw.randint(0, 10)
    seen = iter(range(1 << 30))

    async def spoil(request: Request) -> Verdict | None:
        del request
        if next(seen) == at:
            trial.bench.clock.off = jump
            trial.say(f"the clock jumps by {jump}")
        return None

    trial.spoils = spoil


async def _replaced(trial: Trial) -> None:
    """Orders are replaced, and what may go wrong with a PUT does."""
    faults = trial.bench.server.services.faults
    if trial.draw.random() < 0.4:
        faults.add({"endpoint": "replace", "mode": "overtaken"})
    chance = trial.draw.choice((0.0, 0.5, 1.0))

    async def spoil(request: Request) -> Verdict | None:
        if request.method != "PUT" or trial.draw.random() >= chance:
            return None
        act = trial.draw.choice((Act.CUT, Act.DROP, Act.DOUBLE, Act.GARBLE))
        return Verdict(act, trial.draw.choice(GARBAGE))

    trial.spoils = spoil


async def _replaces(trial: Trial) -> None:
    for _ in range(trial.draw.randint(1, 3)):
        await trial.replace_one()
        await trial.bench.drain()
        if trial.draw.random() < 0.3:
            trial.fill_one()


async def _two_workers(trial: Trial) -> None:
    trial.bench.twice = True


async def _two_consoles(trial: Trial) -> None:
    trial.consoles = 2


async def _everything(trial: Trial) -> None:
    """Two or three at once."""
    some = [fault for fault in FAULTS.values() if fault.name != "everything"]
    for fault in trial.draw.sample(some, k=trial.draw.randint(2, 3)):
        before = trial.spoils
        trial.spoils = None
        await fault.arm(trial)
        trial.spoils = _both(before, trial.spoils)


def _both(
    first: Callable[[Request], Awaitable[Verdict | None]] | None,
    second: Callable[[Request], Awaitable[Verdict | None]] | None,
) -> Callable[[Request], Awaitable[Verdict | None]] | None:
    if first is None or second is None:
        return first or second

    async def spoil(request: Request) -> Verdict | None:
        return await first(request) or await second(request)

    return spoil


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("1", "lost-answer", _lost_answer),
        Fault("2", "late-accept", _late_accept, _release),
        Fault("3", "garbled-answer", _garbled),
        Fault("1", "dropped", _dropped, _give_up),
        Fault("4", "killed", _killed, _killed_again, lined=True),
        Fault("5", "alerts-twice", _alerts_twice),
        Fault("6", "alerts-mixed-up", _alerts_mixed_up),
        Fault("7", "alerts-missing", _alerts_missing),
        Fault("7", "alerts-broken", _alerts_broken),
        Fault("8", "in-parts", _in_parts, beats=(3, 6)),
        Fault("9", "cancel-races", _races, _cancels),
        Fault("10", "replaced", _replaced, _replaces, beats=(0, 2)),
        Fault("11", "token-expires", _token_expires),
        Fault("12", "crowded", _crowded),
        Fault("14", "two-workers", _two_workers),
        Fault("15", "two-consoles", _two_consoles),
        Fault("17", "postgres-lost", _postgres_lost, _postgres_lost, lined=True),
        Fault("18", "partition", _partition),
        Fault("19", "clock-jumps", _clock_jumps_amid),
        Fault("D", "doubled", _doubled),
        Fault("*", "everything", _everything, _killed_again, lined=True),
    )
}
