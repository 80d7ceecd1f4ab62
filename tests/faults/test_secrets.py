"""Each process knows its own secrets only, and none tells them."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

from senex.services.operators import verifier_of
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.faults.faults_support import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

_ISSUED = re.compile(r"(?:access|quote)\.\d+\.\d+\.[0-9a-f]{64}")
_TOLD = """
SELECT body FROM broker_message UNION ALL SELECT coalesce(error, '') FROM outbox
UNION ALL SELECT detail FROM source_status UNION ALL SELECT detail FROM heartbeat
UNION ALL SELECT why FROM audit
"""


async def test_a_console_gets_only_its_own_settings(world: World) -> None:
    process = await world.start("senex.cli.story", "--timeout", "20")
    try:
        text = await world.until("the console runs", lambda: _environment(process.pid))
    finally:
        process.kill()
        await process.wait()

    ours = {line.partition("=")[0] for line in text.split("\0") if line.startswith("SENEX_")}
    assert ours == {
        "SENEX_INSTANCE",
        "SENEX_ENVIRONMENT",
        "SENEX_CLOCK_URL",
        "SENEX_CONSOLE_DATABASE_URL_FILE",
        "SENEX_CONSOLE_REDIS_URL_FILE",
    }
    assert not [name for name, value in _secrets(world).items() if value in text]


async def test_no_secret_is_in_a_command_line_an_environment_or_a_log(world: World) -> None:
    await world.idle_account()  # its story has been told
    secrets = _secrets(world)
    processes = _processes(world)
    logs = {path: path.read_text(errors="replace") for path in world.stage.logs.rglob("*.log")}
    told = "\n".join(text for (text,) in world.sql(_TOLD) if text)

    assert world.credentials["refresh_token"] in secrets.values()
    assert len(secrets) >= 10
    assert {"postgres", "valkey-server"} <= {name for name, _ in processes}
    assert {path.name for path in logs} >= {"worker.log", "streamer.log", "simulator.log", "postgres.log"}
    assert told
    for process, seen in processes:
        assert not [name for name, value in secrets.items() if value in seen], process
    for place, text in (*logs.items(), ("the database", told)):
        assert not [name for name, value in secrets.items() if value in text], place
        assert not _ISSUED.search(text), place
    numbers = [number for (number,) in world.sql("SELECT number FROM account")]
    assert numbers
    for path, text in logs.items():
        if path.name != "simulator.log":  # the broker's own
            assert not [number for number in numbers if number in text], path


async def test_every_line_of_an_order_carries_its_ids_and_security_has_its_own_file(world: World) -> None:
    account = await world.account()
    suggestion = await world.suggest(account)
    approved = await world.approve(suggestion)
    answer = await world.console.decider.wait_result(approved, PATIENCE)
    await world.protected(account)

    def kept(kind: str) -> list[str]:
        texts = [path.read_text() for path in world.stage.logs.glob(f"worker-*/{kind}.log")]
        return [line for text in texts for line in text.splitlines()]

    [intended] = [line for line in kept("trading") if f"order intended order={answer.order_id}" in line]
    for pair in (f"suggestion={suggestion.id}", f"decision={approved}", "run=", "job=decide", "outbox="):
        assert pair in intended, pair
    sent = [line for line in kept("application") if "job=execute" in line and ": done" in line]
    assert [line for line in sent if f"order={answer.order_id}" in line]
    security = kept("security")
    assert [
        line
        for line in security
        if f"decision answered decision={approved}" in line and "outcome=done" in line
    ]
    assert [line for line in security if "logged in at the broker" in line]
    assert [line for line in security if "encryption keys" in line]


async def test_a_passphrase_tried_at_a_console_stands_in_the_security_log(world: World) -> None:
    decider, salt = world.console.decider, b"salt of the test"
    verifier = verifier_of("right passphrase", salt)
    change = "UPDATE operator SET salt = %s, verifier = %s WHERE name = %s RETURNING name"
    assert world.sql(change, salt, verifier, decider.operator)
    try:
        assert await decider.unlock("right passphrase")
        assert not await decider.unlock("wrong passphrase!")
    finally:
        world.sql(change, None, None, decider.operator)

    async def kept() -> str | None:
        texts = [path.read_text() for path in world.stage.logs.glob("worker-*/security.log")]
        lines = [line for text in texts for line in text.splitlines() if "unlocked" in line]
        return "\n".join(lines) if len(lines) == 2 else None

    said = await world.until("both tries are in security.log", kept)
    assert "console unlocked operator=" in said
    assert "console not unlocked: wrong passphrase operator=" in said
    assert said.count(f"terminal={decider.terminal}") == 2, said
    assert not [one for one in ("right passphrase", "passphrase!", verifier.hex()) if one in said]


async def test_a_full_log_disk_stops_no_order(world: World) -> None:
    account = await world.account()
    suggestion = await world.suggest(account)
    files = list(world.stage.logs.glob("worker-trading-*/*.log"))
    assert files
    for path in files:
        path.rename(path.with_suffix(".kept"))
        path.symlink_to("/dev/full")
    try:
        answer = await world.decided(await world.approve(suggestion))
        assert answer.outcome == "done", answer
        await world.protected(account)
    finally:
        for path in files:
            path.unlink()
            path.with_suffix(".kept").rename(path)
    said = (world.stage.logs / "worker.log").read_text()
    assert "cannot be written (No space left on device); work goes on." in said


def _secrets(world: World) -> dict[str, str]:
    """Every secret of the stage by where it lies; of a URL, its password."""
    files = [path for path in world.stage.endpoints.secrets.folder.rglob("*") if path.is_file()]
    kept = {path.name: path.read_text().strip() for path in files}
    values = {name: urlsplit(value).password or value for name, value in kept.items()}
    return values | world.credentials


def _processes(world: World) -> list[tuple[str, str]]:
    """Name, and command line with environment, of everything this stage runs, the servers among it."""
    root = str(world.stage.endpoints.root)
    ours = psutil.Process().children(recursive=True)
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # gone, or somebody else's
            if process in ours or process.cwd().startswith(root):
                found.append((process.name(), " ".join(process.cmdline()) + _given(process)))
    return found


async def _environment(pid: int) -> str | None:
    """What a process was started with, once it is the program it is to be."""
    text = _given(psutil.Process(pid))
    return text if "SENEX_CLOCK_URL" in text else None


def _given(process: psutil.Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/environ").read_text(errors="replace")
    except OSError:  # the servers' own account's, which not every root may read
        return ""
