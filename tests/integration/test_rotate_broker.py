"""`senex secrets rotate broker` as an administrator runs it, while a daemon's session goes on at the broker."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from senex.bootstrap.access import broker_access
from senex.broker.gateway import open_gateway
from senex.bus.clock import WallClock
from senex.config import DaemonSettings, child_environment
from senex.simulator.books.journal import Journal
from senex.store.logins import Login, keep_login, kept_login
from senex.store.vault import Vault
from tests.simulated import Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD, WRONG = Login("the-old-token", "the-old-secret"), Login("canary-wrong", "the-old-secret")


class Installed:
    """What is installed beside one broker: a database that keeps a grant, and keys that seal it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.state, self._folder, self._url = folder / "broker", folder, database_url
        self._keys = Fernet.generate_key().decode()

    def settings(self, broker: Simulated) -> dict[str, str]:
        return {
            "SENEX_ENVIRONMENT": "simulated",
            "SENEX_DATABASE_URL": self._url,
            "SENEX_REDIS_URL": "redis://127.0.0.1:1/0",
            "SENEX_BROKER_REST_URL": str(broker.access.rest_url),
            "SENEX_BROKER_ALERTS_URL": str(broker.access.alerts_url),
            "SENEX_CLOCK_URL": str(broker.ready["clock"]),
            "SENEX_ENCRYPTION_KEYS": self._keys,
            "SENEX_LOG_DIR": str(self._folder / "logs"),
        }

    def rotate(self, broker: Simulated, to: Login) -> subprocess.CompletedProcess[str]:
        grant = self._folder / "grant.json"
        grant.touch(mode=0o600)
        grant.write_text(json.dumps({"client_secret": to.client_secret, "refresh_token": to.refresh_token}))
        return subprocess.run(
            [sys.executable, "-m", "senex", "secrets", "rotate", "broker", "--from", str(grant), "--json"],
            env=child_environment("demo") | self.settings(broker),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def keep(self, login: Login) -> None:
        keep_login(self._url, "simulated", login, Vault(self._keys))

    def kept(self) -> Login | None:
        return kept_login(self._url, "simulated", Vault(self._keys))

    def grant(self, login: Login) -> None:
        """Somebody makes this grant at the broker, and revokes what there was; it does not run meanwhile."""
        journal = Journal.open(self.state)
        journal.set(client_secret=str(login.client_secret), refresh_token=login.refresh_token)
        journal.close()


@pytest.fixture
def installed(tmp_path: Path, database_url: str) -> Installed:
    return Installed(tmp_path, database_url)


@pytest.fixture
def broker(installed: Installed) -> Iterator[Simulated]:
    with simulated(installed.state) as one:
        one.kill()
        installed.grant(OLD)
        one.start()
        installed.keep(OLD)
        yield one


async def test_a_new_grant_takes_the_place_of_the_old_and_a_wrong_one_changes_nothing(
    installed: Installed, broker: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in installed.settings(broker).items():
        monkeypatch.setenv(name, value)
    settings = DaemonSettings()
    access = await asyncio.to_thread(broker_access, settings)
    assert access.refresh_token == OLD.refresh_token
    newest = lambda: asyncio.to_thread(broker_access, settings)  # noqa: E731
    async with open_gateway(access, clock=WallClock(), newest=newest) as daemon:
        assert [one.number for one in await daemon.accounts()] == [broker.account]

        wrong = await asyncio.to_thread(installed.rotate, broker, WRONG)
        assert (wrong.returncode, wrong.stdout) == (4, "")
        [sentence] = wrong.stderr.splitlines()
        assert sentence.endswith("[E_BROKER_TOKEN]")
        assert WRONG.refresh_token not in sentence
        assert installed.kept() == OLD
        broker.fault(endpoint="token", mode="expire")
        assert await daemon.accounts()  # logged in anew, by the old one

        new = Login("the-new-token", "the-new-secret")
        broker.kill()
        installed.grant(new)
        broker.start()
        done = await asyncio.to_thread(installed.rotate, broker, new)
        assert done.returncode == 0, done.stderr
        assert [one["number"] for one in json.loads(done.stdout)["accounts"]] == [broker.account]
        assert not [
            one for one in (new.refresh_token, new.client_secret) if str(one) in done.stdout + done.stderr
        ]
        assert installed.kept() == new
        assert await daemon.accounts()  # without a restart
