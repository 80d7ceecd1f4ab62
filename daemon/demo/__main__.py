"""``senex demo``: the whole of senex on this machine, simulated; then the console, or the story without one."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import click

from daemon.demo.stage import Plot, Stage
from daemon.lineage import bound
from senex.command_line import INTERRUPTED, run_command
from senex.config import CommonSettings, load
from senex.domain.errors import UsageProblem
from senex.domain.symbols import underlying_symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--headless", is_flag=True, help="Play the story without a console, on a fresh simulated account."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line on stdout (with --headless).")
@click.option("--symbol", default="QQQ", show_default=True, help="Underlying to trade.")
@click.option("--seed", default=7, show_default=True, help="Which simulated market.")
@click.option("--scenario", type=click.Choice(["calm", "blocked"]), default="calm", show_default=True)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=90.0,
    show_default=True,
    help="Seconds the story may take.",
)
def main(*, headless: bool, as_json: bool, symbol: str, seed: int, scenario: str, timeout: float) -> int:
    """Start Postgres, Redis, a simulated broker and the daemon, then the console on top; nothing to set up.

    Quitting stops everything it started.

    Example: senex demo --headless --json --symbol SPY
    """
    if as_json and not headless:
        raise UsageProblem("E_USAGE", "--json prints the result of --headless; give both.")
    if not headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageProblem("E_TERMINAL", "The console needs a terminal; run it in one, or add --headless.")
    plot = Plot(instance=load(CommonSettings).instance, seed=seed, scenario=scenario, fresh=headless)
    story = ["--symbol", underlying_symbol(symbol), "--timeout", str(timeout)]
    module = ["senex.cli.story", *story, *(["--json"] if as_json else [])] if headless else ["tui"]
    try:
        return asyncio.run(_perform(plot, module, quiet=headless and as_json))
    except asyncio.CancelledError:
        return INTERRUPTED


async def _perform(plot: Plot, module: list[str], *, quiet: bool) -> int:
    """Set the stage and run the foreground program on it; its exit code."""
    me = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if me is not None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, _once(me))
    async with Stage(plot, narrate=_narrator(quiet=quiet)) as stage:
        extra = ["--account", stage.account] if module[0] != "tui" else []
        return await _foreground([sys.executable, "-m", *module, *extra], stage.console_environment())


def _once(task: asyncio.Task[int]) -> Callable[[], None]:
    """Cancel at the first signal; the ones after it would only disturb the clearing up."""
    told: list[bool] = []

    def cancel() -> None:
        if not told:
            told.append(True)
            task.cancel()

    return cancel


async def _foreground(command: list[str], environment: Mapping[str, str]) -> int:
    """Run the console on this terminal, as a process that dies with this one."""
    process = await asyncio.create_subprocess_exec(*bound(command), env=dict(environment))
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise


def _narrator(*, quiet: bool) -> Callable[[str], None]:
    def narrate(line: str) -> None:
        if not quiet or sys.stderr.isatty():
            click.echo(f"senex demo: {line} …", err=True)

    return narrate


if __name__ == "__main__":
    sys.exit(run_command(main, "senex demo"))
