"""``python -m senex.simulator``: a local tastytrade on one port."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path

import click

from senex.domain.errors import SenexError, UsageProblem
from senex.simulator.assembly import Options, Simulator, assemble, parse_start
from senex.simulator.market.profiles import Scenario
from senex.simulator.server import Server


@click.command()
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
@click.option("--speed", type=click.FloatRange(0, 60), help="Market seconds per second; 0 starts paused.")
@click.option("--start", help="Market date or time to start at, New York.")
def main(
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
    speed: float | None,
    start: str | None,
) -> None:
    """Serve a simulated tastytrade: REST, account alerts, DXLink and the market clock on one port."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        options = Options(
            seed=seed,
            scenario=None if scenario is None else Scenario(scenario),
            start=None if start is None else parse_start(start),
            speed=speed,
            state=state,
            account=account,
            accounts=accounts,
            cash=cash,
        )
        asyncio.run(serve(assemble(options), host=host, port=port, credentials_file=credentials_file))
    except SenexError as problem:
        click.echo(str(problem), err=True)
        sys.exit(problem.exit_code)


async def serve(simulator: Simulator, *, host: str, port: int, credentials_file: Path | None) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(exchange=simulator.exchange, tokens=simulator.tokens, timeline=simulator.timeline)
    try:
        port = await server.start(host, port)
        try:
            click.echo(json.dumps(ready_line(simulator, host, port, credentials_file)))
            await stop.wait()
        finally:
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
