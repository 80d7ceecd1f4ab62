"""Where backups of this machine's instance go, and as whom they are taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.backup.base import Means
from daemon.backup.tools import find_tools
from daemon.embedded.database import BACKUP, DATABASE
from daemon.embedded.endpoints import PostgresEndpoint
from daemon.embedded.places import make_places
from daemon.embedded.processes import LOOPBACK
from senex.domain.errors import UsageProblem
from senex.machine import server_account

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.embedded.places import Places
    from senex.config import BackupSettings

ENCRYPTION_KEY = "encryption_key"


@dataclass(frozen=True, slots=True)
class Where:
    """The settings, completed by what the instance on this machine keeps."""

    settings: BackupSettings
    places: Places

    @property
    def spool(self) -> Path:
        """Where files lie until they are put into the backups."""
        return self.places.root / "backup-spool"

    @property
    def folder(self) -> Path:
        """Where the backups are.

        Raises:
            UsageProblem: ``E_CONFIG_MISSING``.
        """
        if self.settings.backup_folder is None:
            raise UsageProblem(
                "E_CONFIG_MISSING",
                "SENEX_BACKUP_FOLDER is not set; name the folder, on another disk or a mount, that backups go to.",
            )
        return self.settings.backup_folder

    @property
    def url(self) -> str:
        """The backup login's URL; that of the instance running here where none is set.

        Raises:
            UsageProblem: ``E_CONFIG_MISSING``.
        """
        if self.settings.backup_database_url is not None:
            return self.settings.backup_database_url.get_secret_value()
        try:
            port = json.loads(self.places.ports.read_text(encoding="utf-8"))["postgres"]
            password = (self.places.secrets / f"postgres_{BACKUP}").read_text(encoding="utf-8").strip()
        except (OSError, ValueError, KeyError) as problem:
            raise UsageProblem(
                "E_CONFIG_MISSING",
                f"SENEX_BACKUP_DATABASE_URL is not set, and no instance '{self.places.instance}' has a database "
                "here; set it, or name the instance with SENEX_INSTANCE.",
            ) from problem
        return PostgresEndpoint(LOOPBACK, port, "", "").url(user=BACKUP, password=password, database=DATABASE)

    @property
    def key(self) -> str | None:
        """What seals the files, where they are to be sealed."""
        given = self.settings.backup_key
        return None if given is None else given.get_secret_value()

    @property
    def encryption_keys(self) -> str | None:
        """The keys of what is sealed inside the database."""
        if self.settings.encryption_keys is not None:
            return self.settings.encryption_keys.get_secret_value()
        kept = self.places.secrets / ENCRYPTION_KEY
        return kept.read_text(encoding="utf-8").strip() if kept.is_file() else None

    @property
    def means(self) -> Means:
        """What backups are taken with.

        Raises:
            UsageProblem: ``E_CONFIG_MISSING``, ``E_BACKUP_PROGRAMS``.
        """
        tools = find_tools(self.settings.postgres_bin)
        return Means(folder=self.folder, url=self.url, tools=tools, spool=self.spool, key=self.key)


def where(settings: BackupSettings, *, root: Path | None = None) -> Where:
    """The backups of the instance the settings name."""
    return Where(settings, make_places(settings.instance, root, server_account()))
