"""``python -m daemon.backup``: what ``senex db backup|restore|verify|escrow`` run, and the daemon's part ``backup``."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import SecretStr

from daemon.backup import escrow as escrows
from daemon.backup import folder as places
from daemon.backup.base import take_base, take_dump
from daemon.backup.escrow import Escrow
from daemon.backup.machine_time import wall
from daemon.backup.restore import Wish, restore
from daemon.backup.verify import verify
from daemon.backup.where import Where, where
from senex.command_line import run_command
from senex.config import BackupSettings, load, secret_files
from senex.domain.errors import Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION = 1
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_folder = click.option(
    "--folder", type=click.Path(path_type=Path), help="The backups (default: SENEX_BACKUP_FOLDER)."
)
_root = click.option("--root", type=click.Path(path_type=Path), hidden=True)
_escrow = click.option(
    "--escrow", "escrow_file", type=click.Path(path_type=Path), help="The file `senex db escrow` wrote."
)


class _Time(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write it as 2026-11-26T15:04:05Z.", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Backups of the database."""


@main.command()
@_folder
@_root
@click.option("--dump", is_flag=True, help="Take the portable dump as well, which is due once a week.")
@_json
def backup(*, folder: Path | None, root: Path | None, dump: bool, as_json: bool) -> None:
    """Take a base backup now, remove what is older than the retention.

    The daemon does so every day at 02:00 New York time, and receives the write-ahead log all the time, where
    SENEX_BACKUP_FOLDER is set. Exit 2 when client and server are of two major versions.

    Example: senex db backup --folder /mnt/nas/senex
    """
    place = _where(folder, root)
    means = place.means
    base = take_base(means, narrate=_narrate)
    dumped = take_dump(means) if dump else None
    gone = places.prune(place.folder, now=wall(), days=place.settings.backup_retention_days)
    found = {
        "base": str(base.path),
        "finished": base.finished.isoformat(),
        "bytes": base.size,
        "revision": base.revision,
        "sealed": base.sealed,
        "dump": None if dumped is None else str(dumped),
        "removed": gone,
    }
    text = [f"{base.path}  {base.size / 1e6:.1f} MB, schema {base.revision}"]
    text += [str(dumped)] if dumped else []
    if not base.sealed:
        _narrate("The backup is not sealed: who has the folder can read it. SENEX_BACKUP_KEY seals it.")
    _say(found, text, as_json=as_json)


@main.command("restore")
@_folder
@_root
@_escrow
@click.option("--to", type=_Time(), help="The point in time to restore (default: the newest there is).")
@click.option("--line", help="The deployment whose backups to take (default: that of the newest).")
@click.option(
    "--old-is-gone",
    is_flag=True,
    help="The lost deployment certainly runs nowhere: do not wait for it to hear.",
)
@click.option("--overwrite", metavar="INSTANCE", help="Put it in the place of this instance's database.")
@_json
def restore_(
    *,
    folder: Path | None,
    root: Path | None,
    escrow_file: Path | None,
    to: datetime | None,
    line: str | None,
    overwrite: str | None,
    old_is_gone: bool,
    as_json: bool,
) -> None:
    """Restore this machine's instance from its backups, and fence the deployment that was lost.

    Every account is HALTED then, automation is off, and what may have been sent before the loss is looked for and
    never sent again. `senex reconcile` compares with the broker; `senex state set active` lets senex trade.
    Exit 4 where a database is in the way.

    Example: senex db restore --folder /mnt/nas/senex --escrow ~/senex.escrow --to 2026-11-26T15:04:05Z
    """
    place = _where(folder, root)
    settings = place.settings
    wish = Wish(
        instance=settings.instance,
        environment=settings.environment,
        folder=place.folder,
        to=to,
        line=line,
        escrow=_read(escrow_file, settings),
        key=place.key,
        overwrite=overwrite,
        old_is_gone=old_is_gone,
        root=root,
        programs=settings.postgres_bin,
    )
    done = restore(wish, narrate=_narrate)
    reached = "its base backup" if done.reached is None else f"{done.reached:%Y-%m-%d %H:%M:%S} UTC"
    text = [
        f"The instance '{done.instance}' is as it was at {reached}; that took {done.seconds} s.",
        f"{len(done.accounts)} accounts are halted, {done.doubtful} submissions are in doubt.",
        "Now: revoke the old machine's grant at the broker, start senex, `senex reconcile`, `senex state set active`.",
    ]
    _say(asdict(done), text, as_json=as_json)


@main.command("verify")
@_folder
@_root
@_escrow
@_json
def verify_(*, folder: Path | None, root: Path | None, escrow_file: Path | None, as_json: bool) -> int:
    """Restore the newest backup on a scratch server and look at it: files, schema, journal, the broker's token.

    Exit 1 when something is not as it should be. The daemon does so once a month.

    Example: senex db verify --escrow ~/senex.escrow
    """
    place = _where(folder, root)
    escrow = _read(escrow_file, place.settings)
    found = verify(
        place.folder,
        work=place.places.root,
        key=place.key or (escrow.backup_key if escrow else None),
        encryption_keys=escrow.encryption_keys if escrow else place.encryption_keys,
        programs=place.settings.postgres_bin,
        narrate=_narrate,
    )
    text = [f"base backup {found.base}, restored and looked at in {found.seconds} s"]
    text += [f"{'ok' if check.ok else 'WRONG':5}  {check.name:8} {check.said}" for check in found.checks]
    _say({**asdict(found), "ok": found.ok}, text, as_json=as_json)
    return 0 if found.ok else 1


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
@_root
@_json
def escrow(*, target: Path, root: Path | None, as_json: bool) -> None:
    """Seal the keys that no backup holds into the file TARGET, with a passphrase. Keep it apart from the backups.

    Example: senex db escrow ~/senex.escrow
    """
    place = _where(None, root)
    keys = place.encryption_keys
    if keys is None:
        raise UsageProblem(
            "E_CONFIG_MISSING", "SENEX_ENCRYPTION_KEYS is not set, and the instance here has none; set it."
        )
    passphrase = _passphrase(place.settings, confirm=True)
    made = Escrow(place.settings.instance, keys, place.key)
    escrows.write(made, target, passphrase, backups=place.settings.backup_folder)
    sealed = "and the backup key " if place.key else ""
    _say(
        {"file": str(target), "backup_key": place.key is not None},
        [f"{target} holds the encryption keys {sealed}now."],
        as_json=as_json,
    )


@main.command(hidden=True)
@_root
def keep(*, root: Path | None) -> None:
    """Take backups until SIGTERM."""
    from daemon import logs  # noqa: PLC0415  only the daemon's part needs it
    from daemon.backup.keep import Keeper  # noqa: PLC0415
    from daemon.secret_files import LOOK_SECONDS, Held  # noqa: PLC0415

    place = _where(None, root)
    secrets = [value.get_secret_value() for _, value in place.settings if isinstance(value, SecretStr)]
    logs.configure(
        as_json=place.settings.log_json,
        process="backup",
        folder=None if place.settings.log_json else place.settings.log_dir or place.places.logs,
        megabytes=None,
        secrets=secrets,
    )

    held = Held(secret_files(BackupSettings))

    async def run() -> None:
        keeping = asyncio.create_task(Keeper(place).run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, keeping.cancel)
        while not keeping.done() and held.changed() is None:
            await asyncio.wait({keeping}, timeout=LOOK_SECONDS)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    asyncio.run(run())


def _where(folder: Path | None, root: Path | None) -> Where:
    given = {} if folder is None else {"backup_folder": folder}
    return where(load(BackupSettings, **given), root=root)


def _read(file: Path | None, settings: BackupSettings) -> Escrow | None:
    return None if file is None else escrows.read(file, _passphrase(settings, confirm=False))


def _passphrase(settings: BackupSettings, *, confirm: bool) -> str:
    if settings.escrow_passphrase is not None:
        return settings.escrow_passphrase.get_secret_value()
    if not sys.stdin.isatty():
        raise Refused(
            "E_NOT_CONFIRMED",
            "Nobody can be asked for the passphrase here; name a file that holds it with SENEX_ESCROW_PASSPHRASE_FILE.",
        )
    found: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    return found


def _narrate(line: str) -> None:
    click.echo(line, err=True)


def _say(data: dict[str, Any], text: Sequence[str], *, as_json: bool) -> None:
    plain = json.dumps({"version": _VERSION, **data}, indent=2, default=_plain)
    click.echo(plain if as_json else "\n".join(text))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


if __name__ == "__main__":
    sys.exit(run_command(main, "senex db"))
