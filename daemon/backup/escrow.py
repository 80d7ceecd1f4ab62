"""Keys kept apart from backups: one file, sealed with a passphrase, that a bare machine starts from."""

from __future__ import annotations

import io
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from daemon.backup.machine_time import wall
from daemon.backup.sealing import seal, unseal
from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

SHORTEST = 12


@dataclass(frozen=True, slots=True)
class Escrow:
    """All that a backup alone does not have."""

    instance: str
    encryption_keys: str
    backup_key: str | None
    made_at: str = ""


def write(escrow: Escrow, target: Path, passphrase: str, *, backups: Path | None) -> None:
    """Seal the keys into ``target``, whole or not at all.

    Raises:
        UsageProblem: ``E_ESCROW_PLACE`` inside the backups, where a thief of those would find it;
            ``E_ESCROW_PASSPHRASE`` for one that is too short; ``E_ESCROW_FILE``.
    """
    if backups is not None and target.resolve().is_relative_to(backups.resolve()):
        raise UsageProblem(
            "E_ESCROW_PLACE",
            f"{target} lies inside the backups; keys are kept apart from what they open, so name another place.",
        )
    if len(passphrase) < SHORTEST:
        raise UsageProblem(
            "E_ESCROW_PASSPHRASE", f"The passphrase is too short; take one of {SHORTEST} characters or more."
        )
    text = json.dumps({**asdict(escrow), "made_at": wall().isoformat(timespec="seconds")})
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            seal(io.BytesIO(text.encode()), file, passphrase, passphrase=True)
            os.fsync(file.fileno())
        part.rename(target)
    except OSError as problem:
        raise UsageProblem(
            "E_ESCROW_FILE", f"{target} cannot be written ({problem.strerror}); name another place."
        ) from problem


def read(source: Path, passphrase: str) -> Escrow:
    """The keys in ``source``.

    Raises:
        UsageProblem: ``E_ESCROW_FILE`` when it cannot be read; ``E_BACKUP_KEY`` for a wrong passphrase.
    """
    try:
        with source.open("rb") as file:
            return Escrow(**json.loads(b"".join(unseal(file, passphrase))))
    except (OSError, TypeError, ValueError) as problem:
        raise UsageProblem(
            "E_ESCROW_FILE",
            f"{source} is no escrow file that can be read ({type(problem).__name__}); name the right one.",
        ) from problem
