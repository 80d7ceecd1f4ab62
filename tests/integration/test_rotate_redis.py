"""``senex secrets rotate redis`` on a real server: what an interrupted rotation leaves, the next one takes away."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
import redis

from daemon.tools.secrets.places import Places
from daemon.tools.secrets.redis_users import rotate
from senex.domain.errors import Unavailable
from senex.store.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.embedded import Endpoints

USER, STOLEN = "passing", "the-stolen-one"


class Told(Crew):
    """Processes of a daemon that follow their secrets, or do not."""

    def __init__(self, *, follows: bool) -> None:
        self._follows = follows

    def switch(self) -> None:
        pass

    def wait(self) -> None:
        if not self._follows:
            raise Unavailable("E_SECRET_IN_USE", "A worker has not been started with the new secret.")


@pytest.fixture
def admin(embedded: Endpoints) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(embedded.redis.daemon_url()) as client:
        client.execute_command("ACL", "SETUSER", USER, "reset", "on", _hash(STOLEN), "~*", "&*", "+@all")
        yield client
        client.execute_command("ACL", "DELUSER", USER)


def test_after_an_interrupted_rotation_the_next_one_takes_every_older_password_away(
    embedded: Endpoints, admin: redis.Redis, tmp_path: Path
) -> None:
    address = embedded.redis.daemon_url()
    mine = f"redis://{USER}:{STOLEN}@{address.rpartition('@')[2]}"
    for name, text in {
        "redis_url": address,
        "console_redis_url": mine,
        "redis_users": f"user other on {_hash(STOLEN)} ~*\nuser {USER} on {_hash(STOLEN)} ~* +@all\n",
    }.items():
        (tmp_path / name).write_text(text)
    places = Places({}, tmp_path)

    with pytest.raises(Unavailable):
        rotate(places, USER, "console_redis_url", (), print, crew=Told(follows=False))
    between = (tmp_path / "console_redis_url").read_text()
    assert _opens(mine)  # both are in force
    assert _opens(between)
    rotate(places, USER, "console_redis_url", (), print, crew=Told(follows=True))

    now = (tmp_path / "console_redis_url").read_text()
    assert [_opens(one) for one in (mine, between, now)] == [False, False, True]
    password = now.removeprefix(f"redis://{USER}:").partition("@")[0]
    other, kept = (tmp_path / "redis_users").read_text().splitlines()
    assert other == f"user other on {_hash(STOLEN)} ~*"
    assert kept == f"user {USER} on {_hash(password)} ~* +@all"


def _hash(password: str) -> str:
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"


def _opens(address: str) -> bool:
    with redis.Redis.from_url(address) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return False
