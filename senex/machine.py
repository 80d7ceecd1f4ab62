"""Whom the bundled servers run as, which folders that account can reach, and where the data is for that reason.

Postgres refuses to run as root. Started as root, senex lends both servers the
unprivileged account every Unix has, ``nobody``; it never creates an account and
never changes a folder that is not its own.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from senex.domain.errors import UsageProblem

ROOT_DATA = Path("/var/lib/senex")
UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """The account the servers run as; ``lent`` when it is not our own."""

    name: str
    uid: int
    gid: int
    lent: bool

    def own(self, path: Path) -> None:
        """Hand ``path`` (a file or folder senex has just made) to the account."""
        if self.lent:
            os.chown(path, self.uid, self.gid)

    def make_folder(self, path: Path) -> Path:
        """Make ``path`` the account's private folder; its parent must exist."""
        path.mkdir(mode=0o700, exist_ok=True)
        self.own(path)
        return path


def server_account() -> Account:
    """Answer the account for the servers: ourselves, or ``nobody`` for root."""
    if os.geteuid() != 0:
        return Account(name="", uid=os.geteuid(), gid=os.getegid(), lent=False)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as missing:
        raise UsageProblem(
            "E_EMBEDDED_ACCOUNT",
            f"This machine has no account '{UNPRIVILEGED}', under which the bundled Postgres must run when senex is "
            "started as root; start senex as an ordinary user instead.",
        ) from missing
    return Account(name=UNPRIVILEGED, uid=entry.pw_uid, gid=entry.pw_gid, lent=True)


def data_folder(account: Account) -> Path:
    """Answer the folder that holds every instance: the XDG data folder, or for root one ``nobody`` can reach.

    Root keeps out of other people's homes, so that ``sudo`` leaves nothing there
    its owner cannot open. Two XDG data folders stay two folders.
    """
    folder = user_data_path("senex", appauthor=False)
    if not account.lent or (blocking_folder(folder, account) is None and _nearest(folder).stat().st_uid == 0):
        return folder
    if folder == Path(pwd.getpwuid(0).pw_dir) / ".local/share/senex":
        return ROOT_DATA
    return ROOT_DATA / f"home-{hashlib.sha256(bytes(folder)).hexdigest()[:8]}"


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def blocking_folder(path: Path, account: Account) -> Path | None:
    """Answer the first folder on the way to ``path`` the account cannot pass, or None.

    Folders that do not exist yet are senex's to make and do not block; our own
    account is not asked about, the system answers when the folder is used.
    """
    if not account.lent:
        return None
    for folder in (*reversed(path.absolute().parents), path.absolute()):
        try:
            status = folder.stat()
        except FileNotFoundError:
            return None
        except PermissionError:
            return folder
        if not _may_pass(status, account):
            return folder
    return None


def _may_pass(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def local_console_file(folder: Path) -> Path:
    """Where a running instance leaves its console's settings for commands of the same user (JSON, mode 0600)."""
    return folder / "secrets" / "run_console.json"
