"""The bundled servers as the daemon and the tests start them: real processes only."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest
import redis

from daemon.embedded import EmbeddedServices, Endpoints
from senex.domain.errors import Unavailable, UsageProblem
from senex.machine import server_account
from tests.servers import server_folder
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator


def servers_in(root: Path) -> dict[str, list[psutil.Process]]:
    """The live server processes that stand somewhere below ``root``, by program."""
    found: dict[str, list[psutil.Process]] = {"postgres": [], "valkey-server": []}
    for process in psutil.process_iter():
        try:
            if process.name() in found and Path(process.cwd()).is_relative_to(root):
                found[process.name()].append(process)
        except psutil.Error:
            continue
    return found


def postmaster(endpoints: Endpoints) -> psutil.Process:
    return psutil.Process(int((endpoints.root / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


@pytest.fixture(scope="module")
def running() -> Iterator[Endpoints]:
    """One started instance for the tests that only look at it."""
    with server_folder() as folder, EmbeddedServices("one", root=folder) as endpoints:
        yield endpoints


def remember(endpoints: Endpoints) -> None:
    with psycopg.connect(endpoints.postgres.superuser_url()) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('truth')")
    with redis.Redis.from_url(endpoints.redis.daemon_url()) as client:
        client.set("senex:cache:kept", "hint")
        client.waitaof(1, 0, 5000)


def remembered(endpoints: Endpoints) -> tuple[str, bytes]:
    with psycopg.connect(endpoints.postgres.superuser_url()) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    with redis.Redis.from_url(endpoints.redis.daemon_url()) as client:
        value = client.get("senex:cache:kept")
    assert row is not None
    assert isinstance(value, bytes)
    return row[0], value


def test_a_second_start_finds_the_data_of_the_first_on_the_same_ports(open_folder: Path) -> None:
    with EmbeddedServices("one", root=open_folder) as first:
        remember(first)
    assert servers_in(open_folder) == {"postgres": [], "valkey-server": []}

    with EmbeddedServices("one", root=open_folder) as second:
        assert remembered(second) == ("truth", b"hint")
        assert (second.postgres, second.redis) == (first.postgres, first.redis)


def test_two_instances_run_side_by_side(open_folder: Path) -> None:
    with EmbeddedServices("one", root=open_folder) as one, EmbeddedServices("two", root=open_folder) as two:
        remember(one)
        ports = {one.postgres.port, two.postgres.port, one.redis.port, two.redis.port}
        assert len(ports) == 4
        with redis.Redis.from_url(two.redis.daemon_url()) as client:
            assert client.get("senex:cache:kept") is None
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(
                two.postgres.url(
                    user="postgres", password=one.postgres.superuser_password, database="postgres"
                )
            )


def test_a_second_starter_of_an_instance_is_told_so_in_one_sentence(running: Endpoints) -> None:
    with pytest.raises(Unavailable) as refusal:
        EmbeddedServices("one", root=running.root.parent).start()
    assert refusal.value.code == "E_INSTANCE_BUSY"
    assert str(os.getpid()) in refusal.value.message
    assert "SENEX_INSTANCE" in refusal.value.message
    remember(running)  # the refusal disturbed nothing


def test_the_servers_give_no_login_without_the_password(running: Endpoints) -> None:
    with pytest.raises(
        psycopg.OperationalError, match=r"no password supplied|password authentication failed"
    ):
        psycopg.connect(running.postgres.url(user="postgres", password="", database="postgres"))
    with (
        redis.Redis(host=running.redis.host, port=running.redis.port) as anonymous,
        pytest.raises(redis.AuthenticationError),
    ):
        anonymous.ping()


def test_secrets_are_private_and_no_server_shows_them(running: Endpoints) -> None:
    files = list((running.root / "secrets").iterdir())
    passwords = [file.read_text().strip() for file in files]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((running.root / "secrets").stat().st_mode) == 0o700
    for processes in servers_in(running.root).values():
        for process in processes:
            seen = " ".join(process.cmdline()) + Path(f"/proc/{process.pid}/environ").read_text()
            assert not [password for password in passwords if password in seen]


def test_the_servers_run_under_the_account_for_them(running: Endpoints) -> None:
    found = [process for group in servers_in(running.root).values() for process in group]
    assert len(found) > 2
    assert {process.uids().effective for process in found} == {server_account().uid}
    assert 0 not in {process.uids().effective for process in found}


def test_commits_are_durable_and_the_cache_gives_way_before_the_queues(running: Endpoints) -> None:
    with psycopg.connect(running.postgres.superuser_url()) as connection:
        shown = [
            connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        ]
        assert shown == [("on",)] * 3
    with redis.Redis.from_url(running.redis.daemon_url()) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert int(client.config_get("maxmemory")["maxmemory"]) > 0


@pytest.mark.parametrize("victim", ["postmaster", "backend", "valkey"])
def test_a_killed_server_comes_back_with_its_data_and_its_port(open_folder: Path, victim: str) -> None:
    services = EmbeddedServices("one", root=open_folder)
    with services as endpoints:
        remember(endpoints)
        holder = psycopg.connect(endpoints.postgres.superuser_url())  # an open session, as a worker has
        if victim == "postmaster":
            postmaster(endpoints).kill()
        elif victim == "backend":
            os.kill(holder.info.backend_pid, signal.SIGKILL)
        else:
            servers_in(open_folder)["valkey-server"][0].kill()
        services.watch()
        assert once_they_answer(lambda: remembered(endpoints)) == ("truth", b"hint")
        holder.close()
    assert servers_in(open_folder) == {"postgres": [], "valkey-server": []}


def test_a_pid_file_that_names_a_stranger_does_not_keep_postgres_down(open_folder: Path) -> None:
    with EmbeddedServices("one", root=open_folder) as endpoints:
        remember(endpoints)
        left_behind = (endpoints.root / "postgres" / "postmaster.pid").read_text().splitlines()
    account = server_account()
    stranger = subprocess.Popen(["sleep", "600"], user=account.uid if account.lent else None)
    left_behind[0] = str(stranger.pid)
    pid_file = endpoints.root / "postgres" / "postmaster.pid"
    pid_file.write_text("\n".join(left_behind) + "\n")
    os.chown(pid_file, account.uid, -1)

    with stranger:
        try:
            with EmbeddedServices("one", root=open_folder) as again:
                assert remembered(again) == ("truth", b"hint")
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_initialisation_cut_short_is_begun_anew(open_folder: Path) -> None:
    with EmbeddedServices("one", root=open_folder) as endpoints:
        pass
    cluster = endpoints.root / "postgres"
    (endpoints.root / "postgres.part").mkdir()
    half = cluster.rename(
        endpoints.root / "postgres.part" / "cluster"
    )  # as if the starter had died in initdb
    (half / "global" / "pg_control").unlink()

    with (
        EmbeddedServices("one", root=open_folder) as again,
        psycopg.connect(again.postgres.superuser_url()) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_taken_port_is_left_to_its_owner(open_folder: Path) -> None:
    with EmbeddedServices("one", root=open_folder) as first:
        remember(first)
    other = open_folder / "other"
    with EmbeddedServices("one", root=other) as occupant:
        (first.root / "ports.json").write_text(
            f'{{"postgres": {occupant.postgres.port}, "valkey-server": {occupant.redis.port}}}'
        )
        with EmbeddedServices("one", root=open_folder) as second:
            assert remembered(second) == ("truth", b"hint")
            assert second.postgres.port != occupant.postgres.port
            assert second.redis.port != occupant.redis.port


def test_damaged_data_is_reported_with_the_servers_own_words(open_folder: Path) -> None:
    with EmbeddedServices("one", root=open_folder) as endpoints:
        pass
    (endpoints.root / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(Unavailable) as failure:
        EmbeddedServices("one", root=open_folder).start()
    assert failure.value.code == "E_POSTGRES_START"
    assert "9.6" in failure.value.message
    assert servers_in(open_folder) == {"postgres": [], "valkey-server": []}  # nothing half started stays


@pytest.mark.parametrize("name", ["", "Demo", "../x", "a b", "x" * 33, "-x"])
def test_a_name_that_cannot_be_a_folder_is_refused(open_folder: Path, name: str) -> None:
    with pytest.raises(UsageProblem) as refusal:
        EmbeddedServices(name, root=open_folder)
    assert refusal.value.code == "E_INSTANCE_NAME"


def test_a_folder_that_cannot_be_made_is_named(open_folder: Path) -> None:
    (open_folder / "file").touch()
    with pytest.raises(UsageProblem, match=re.escape(str(open_folder / "file"))) as refusal:
        EmbeddedServices("one", root=open_folder / "file")
    assert refusal.value.code == "E_EMBEDDED_ROOT"


def once_they_answer(read: object) -> object:
    """Answer ``read()`` once the servers answer again, or the last refusal when patience ends."""
    assert callable(read)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return read()
        except (psycopg.OperationalError, redis.ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
