"""``python -m senex.simulator``: a local tastytrade on one port."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from math import isnan
from pathlib import Path

import aiohttp
import click

from senex.domain.errors import SenexError, UsageProblem
from senex.simulator.assembly import Options, Simulator, assemble, parse_start
from senex.simulator.commands.clock import clock
from senex.simulator.commands.keep import export, record_command
from senex.simulator.commands.remote import forget_serving, tell_serving
from senex.simulator.commands.status import status
from senex.simulator.market.profiles import Scenario
from senex.simulator.mirror.live import Live
from senex.simulator.mirror.upstream import Credentials
from senex.simulator.server import Server


class Commands(click.Group):
    """The simulator itself, and commands for one that runs; errors are one sentence with a code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run, and turn a problem into its sentence and exit code."""
        try:
            return super().invoke(ctx)
        except SenexError as problem:
            click.echo(str(problem), err=True)
            ctx.exit(problem.exit_code)


@click.group(cls=Commands, invoke_without_command=True)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8580, show_default=True, help="0 takes a free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--seed", type=int, help="Which market to play.")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Folder that keeps books and clock."
)
@click.option("--scenario", type=click.Choice([str(one) for one in Scenario]), help="Market regime.")
@click.option(
    "--credentials-file", type=click.Path(path_type=Path, dir_okay=False), help="Where secrets go (0600)."
)
@click.option("--account", help="Account number to open or reuse.")
@click.option(
    "--accounts", type=click.IntRange(1, 100), default=1, show_default=True, help="How many accounts."
)
@click.option("--cash", is_flag=True, help="Open cash accounts instead of margin accounts.")
@click.option("--refuse-opposite", is_flag=True, help="Refuse orders that would trade against a working one.")
@click.option("--speed", type=click.FloatRange(0, 60), help="Market seconds per second; 0 starts paused.")
@click.option("--start", help="Market date or time to start at, New York.")
@click.option("--day", type=click.Path(path_type=Path, dir_okay=False), help="A recorded day to serve again.")
@click.option("--live", help="REST address of an environment whose live market to trade on, on paper.")
@click.option(
    "--live-credentials",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON with client_secret and refresh_token of --live.",
)
@click.option(
    "--faults", type=click.Path(path_type=Path, dir_okay=False), help="Faults on demand, JSON or TOML."
)
@click.pass_context
def main(
    ctx: click.Context,
    *,
    port: int,
    host: str,
    seed: int | None,
    state: Path | None,
    scenario: str | None,
    credentials_file: Path | None,
    account: str | None,
    accounts: int,
    cash: bool,
    refuse_opposite: bool,
    speed: float | None,
    start: str | None,
    day: Path | None,
    live: str | None,
    live_credentials: Path | None,
    faults: Path | None,
) -> None:
    """Serve a simulated tastytrade: REST, account alerts, DXLink and the market clock on one port."""
    if ctx.invoked_subcommand is not None:
        return
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    if (live is None) != (live_credentials is None):
        raise UsageProblem("E_LIVE", "--live and --live-credentials go together.")
    if sum(one is not None for one in (day, live, start)) > 1:
        raise UsageProblem("E_LIVE", "Of --day, --live and --start only one can say what time it is.")
    if speed is not None and isnan(speed):
        raise UsageProblem("E_SPEED", "--speed is a number from 0 to 60.")
    options = Options(
        seed=seed,
        scenario=None if scenario is None else Scenario(scenario),
        start=None if start is None else parse_start(start),
        speed=speed,
        state=state,
        account=account,
        accounts=accounts,
        cash=cash,
        refuse_opposite=refuse_opposite,
        day=day,
        faults=faults,
    )
    upstream = (
        None if live is None or live_credentials is None else (live, Credentials.read(live_credentials))
    )
    asyncio.run(run(options, upstream, host=host, port=port, credentials_file=credentials_file))


for command in (clock, status, export, record_command):
    main.add_command(command)


async def run(
    options: Options,
    upstream: tuple[str, Credentials] | None,
    *,
    host: str,
    port: int,
    credentials_file: Path | None,
) -> None:
    """Serve a market of its own, or another environment's."""
    if upstream is None:
        await serve(assemble(options), options, host=host, port=port, file=credentials_file)
        return
    async with aiohttp.ClientSession(trust_env=False) as http:
        live = Live(http, *upstream)
        await live.open()
        simulator = assemble(options, live)
        await serve(simulator, options, host=host, port=port, file=credentials_file)


async def serve(simulator: Simulator, options: Options, *, host: str, port: int, file: Path | None) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(
        exchange=simulator.exchange,
        tokens=simulator.tokens,
        timeline=simulator.timeline,
        mirror=simulator.mirror,
        movable=not isinstance(simulator.mirror, Live),
    )
    try:
        if options.faults is not None:
            server.services.faults.load(options.faults)
        port = await server.start(host, port)
        try:
            line = ready_line(simulator, host, port, file)
            tell_serving(options.state, str(line["rest"]))
            click.echo(json.dumps(line))
            await stop.wait()
        finally:
            forget_serving(options.state)
            await server.stop()
    finally:
        simulator.exchange.set_speed(simulator.exchange.clock.speed)
        simulator.journal.close()


def ready_line(
    simulator: Simulator, host: str, port: int, credentials_file: Path | None
) -> dict[str, str | list[str]]:
    """What a client needs to know, once the port answers."""
    address = f"{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104  compared, not bound
    line: dict[str, str | list[str]] = {
        "rest": f"http://{address}",
        "alerts": f"ws://{address}/alerts",
        "clock": f"ws://{address}/clock",
        "account": simulator.account,
        "accounts": list(simulator.exchange.books.accounts),
    }
    credentials = {
        "client_secret": simulator.tokens.client_secret,
        "refresh_token": simulator.tokens.refresh_token,
    }
    if credentials_file is None:
        return {**line, **credentials}
    try:
        descriptor = os.open(credentials_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as problem:
        raise UsageProblem(
            "E_CREDENTIALS_FILE",
            f"Cannot write {credentials_file} ({problem.strerror}); choose another --credentials-file.",
        ) from None
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        json.dump(credentials, file)
    return line


if __name__ == "__main__":
    main(prog_name="senex simulator")
