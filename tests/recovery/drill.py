"""One drill: trade, lose the machine in mid-trade, restore on a bare one, reconcile; and the old one comes back.

The servers, the backups, the books and the broker's sockets are the real ones; the two machines are two
folders of this one, and they share nothing but the backup folder and the escrow file.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import psutil
import psycopg
from cryptography.fernet import Fernet
from pydantic import SecretStr

from daemon.backup import escrow
from daemon.backup.keep import Keeper
from daemon.backup.restore import Wish, restore
from daemon.backup.verify import verify
from daemon.backup.where import ENCRYPTION_KEY, Where, where
from daemon.embedded import EmbeddedServices
from daemon.embedded.database import ensure_database
from senex.config import BackupSettings, Environment
from senex.domain.decisions import DecisionKind
from senex.store.logins import Login, keep_login
from senex.store.migrate import migrate
from senex.store.vault import Vault
from tests.contract.simulator_books import put
from tests.integration.fence_world import FRIDAY, decide_state, enter, state, wait, working
from tests.integration.ledger_world import Account, account, beside, buy, sell
from tests.servers import server_folder
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from daemon.backup.restore import Restored
    from daemon.backup.verify import Verified
    from daemon.embedded.database import DatabaseUrls

INSTANCE, PASSPHRASE, BACKUP_KEY = "drill", "a passphrase of the drill", "the drill's backup key"
BARS = {"rpo": 300.0, "rto": 900.0}


@dataclass(frozen=True, slots=True)
class Drill:
    """What was seen. Times are seconds of machine time."""

    entries: int
    targets: int
    """At work at the moment restored to."""
    backup_bytes: int
    rpo: float
    """From the newest transaction the backups hold to the loss, while transactions went on all the time."""
    restored_in: float
    rto: float
    """From the bare machine to books that agree with the broker's to the cent."""
    verified: Verified
    restored: Restored
    lost: int
    """Positions opened after the moment restored to, found at the broker."""
    old_state: tuple[str, bool]


class Machine:
    """A folder with everything one machine has."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.root = stack.enter_context(server_folder())
        self.services = EmbeddedServices(INSTANCE, root=self.root)
        stack.push_async_callback(asyncio.to_thread, self.services.stop)
        self.urls: DatabaseUrls

    async def start(self) -> None:
        endpoints = await asyncio.to_thread(self.services.start)
        self.urls = await asyncio.to_thread(ensure_database, endpoints)

    async def lose(self) -> None:
        """As a power cut: the server is gone in the middle of whatever it did."""
        folder = self.services.root / "postgres"
        pid = int((folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        main = psutil.Process(pid)
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(self.services.stop)

    @property
    def logins(self) -> tuple[str, str, str]:
        """What a world of books is opened with."""
        return self.urls.daemon, self.urls.console, self.urls.owner

    def where(self, backups: Path) -> Where:
        settings = BackupSettings(instance=INSTANCE, backup_folder=backups, backup_key=SecretStr(BACKUP_KEY))
        return where(settings, root=self.root)


async def drill(apart: Path, *, entries: int = 1) -> Drill:
    """Do all of it; ``apart`` is where backups and escrow are, on no machine."""
    backups, keys = apart / "backups", apart / "keys.escrow"
    backups.mkdir()
    async with AsyncExitStack() as stack:
        first = Machine(stack)
        await first.start()
        await _settle_in(first)
        old = await stack.enter_async_context(account(first.logins))
        await old.start()
        await enter(old, 8)
        place = first.where(backups)
        sealed = escrow.Escrow(INSTANCE, place.encryption_keys or "", place.key)
        escrow.write(sealed, keys, PASSPHRASE, backups=backups)
        async with _kept(place, first):
            for number in range(entries):
                # five wide: no short strike is another's long one, which the broker would net
                await enter(old, 7 + number % 4)
            targets = len(working(old))
            resting = await _rest(old)
            point = await _now(first)
            lost = await _trade_on(old, resting)
            await _said(first, "wal", after=await _now(first))
            lost_at = await _now(first)
            await first.lose()
        size = sum(file.stat().st_size for file in backups.rglob("*") if file.is_file())
        found = escrow.read(keys, PASSPHRASE)

        second = Machine(stack)
        verified = await asyncio.to_thread(
            verify,
            backups,
            work=second.services.root,
            key=found.backup_key,
            encryption_keys=found.encryption_keys,
            programs=None,
            narrate=_quiet,
        )
        began = monotonic()
        wish = Wish(
            instance=INSTANCE,
            environment=Environment.SIMULATED,
            folder=backups,
            to=point,
            escrow=found,
            root=second.root,
        )
        restored = await asyncio.to_thread(restore, wish, narrate=_quiet)
        restored_in = monotonic() - began
        await second.start()
        new = await stack.enter_async_context(beside(old.world, old.access, second.logins))
        await new.reconcile()
        await new.reconcile()
        await new.agrees()
        rto = monotonic() - began
        await _check_new(new, lost)
        old_state = await _come_back(stack, first, new)
    assert verified.reached is not None
    rpo = (lost_at - verified.reached).total_seconds()
    return Drill(entries, targets, size, rpo, restored_in, rto, verified, restored, len(lost), old_state)


async def _settle_in(machine: Machine) -> None:
    """Schema, keys, and the broker's token sealed with them."""
    await asyncio.to_thread(migrate, machine.urls.owner, operator="trader")
    keys = machine.where(machine.root).places.secrets / ENCRYPTION_KEY
    keys.write_text(Fernet.generate_key().decode(), encoding="utf-8")
    vault = Vault(keys.read_text(encoding="utf-8"))
    login = Login(client_secret="the secret", refresh_token="the token")
    await asyncio.to_thread(keep_login, machine.urls.daemon, "simulated", login, vault)


@asynccontextmanager
async def _kept(place: Where, machine: Machine) -> AsyncIterator[None]:
    """The daemon's part ``backup``, from its first base backup to the loss."""
    keeping = asyncio.create_task(Keeper(place, ship_seconds=1.0, tell_seconds=1.0).run())
    try:
        await _said(machine, "base", after=None)
        await _said(machine, "wal", after=None)
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _said(machine: Machine, kind: str, *, after: datetime | None) -> None:
    """Return once a kind of backup was done, after a moment."""
    query = "SELECT 1 FROM backup_state WHERE kind = %s AND done_at > coalesce(%s, '-infinity'::timestamptz)"
    async with await psycopg.AsyncConnection.connect(machine.urls.owner, autocommit=True) as connection:

        async def said() -> bool:
            return await (await connection.execute(query, (kind, after))).fetchone() is not None

        await until(said, f"{kind} in backup_state")


async def _now(machine: Machine) -> datetime:
    async with await psycopg.AsyncConnection.connect(machine.urls.owner, autocommit=True) as connection:
        row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


async def _rest(books: Account) -> str:
    """An entry that works and does not fill; its broker id."""
    before = set(working(books))
    spot = int(books.world.close_of("QQQ", FRIDAY))
    legs = (sell(put("QQQ", FRIDAY, spot - 6)), buy(put("QQQ", FRIDAY, spot - 11)))
    await books.enter(legs, limit="4.50", rests=True)
    [found] = set(working(books)) - before
    return found


async def _trade_on(books: Account, resting: str) -> list[str]:
    """What the restored database will not know: another position with its target, and an order that was cancelled."""
    before = set(working(books))
    await enter(books, 25)
    [order] = [one for one in await books.reads.orders() if one.broker_order_id == resting]
    await books.desk.decide(DecisionKind.CANCEL_ORDER, order_id=order.id)
    await books.settle()
    assert resting not in working(books)
    return sorted(set(working(books)) - before)


async def _check_new(new: Account, lost: list[str]) -> None:
    """Nothing the broker knows is missing, nothing of the lost time still works, nobody trades yet; then one may."""
    assert not set(lost) & set(working(new))
    known = await new.reads.orders(statuses=("working",), limit=1000)
    assert sorted(str(one.broker_order_id) for one in known) == sorted(working(new))
    assert "unmanaged" in {one.strategy for one in await new.positions()}
    assert await state(new) == ("halted", True)
    assert await decide_state(new, "active") == "E_FENCE_YOUNG"
    wait(new)
    assert await decide_state(new, "active") == "OK"
    await new.reconcile()
    await new.agrees()


async def _come_back(stack: AsyncExitStack, first: Machine, new: Account) -> tuple[str, bool]:
    """The old machine is switched on again and does what every start does."""
    before = working(new)
    await first.start()
    alive = await stack.enter_async_context(beside(new.world, new.access, first.logins))
    await alive.start()
    assert await decide_state(alive, "active") == "E_REPLACED"
    await alive.reconcile()
    assert working(new) == before
    return await state(alive)


def _quiet(_line: str) -> None:
    """Nobody listens."""
