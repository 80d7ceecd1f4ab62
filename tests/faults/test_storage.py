"""A disk that is full, a volume mounted read-only, files of somebody else: one sentence, a code, nothing lost."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from daemon.embedded import EmbeddedServices
from senex.domain.errors import SenexError
from senex.here import look
from senex.machine import server_account
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.embedded import Endpoints

needs_mounts = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount volumes")
_STRANGER = 54321


@contextmanager
def volume(folder: Path, megabytes: int) -> Iterator[Path]:
    """A volume of that size."""
    place = folder / "volume"
    place.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "none", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"this machine mounts nothing: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def remount(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)


def keep(endpoints: Endpoints, word: str) -> None:
    with psycopg.connect(endpoints.postgres.superuser_url(), connect_timeout=5) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES (%s)", (word,))


def kept(endpoints: Endpoints) -> list[str]:
    with psycopg.connect(endpoints.postgres.superuser_url()) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM kept ORDER BY word")]


def refused(folder: Path) -> SenexError:
    """What starting on ``folder`` is refused with."""
    with pytest.raises(SenexError) as problem:
        EmbeddedServices("one", root=folder).start()
    assert problem.value.message.count("\n") == 0
    return problem.value


@needs_mounts
def test_a_disk_too_small_to_begin_on(open_folder: Path) -> None:
    with volume(open_folder, 20) as place:
        problem = refused(place)
        assert problem.code == "E_DISK_FULL"
        assert str(place) in problem.message
        assert not (place / "one" / "postgres").exists()
        remount(place, "size=300m")
        with EmbeddedServices("one", root=place) as endpoints:  # what was half made is no hindrance
            keep(endpoints, "later")


@needs_mounts
@pytest.mark.long
def test_a_disk_that_fills_loses_nothing(open_folder: Path) -> None:
    """Neither while the servers run, nor when they are to be started; with room they go on."""
    with volume(open_folder, 250) as place:
        services = EmbeddedServices("one", root=place)
        with services as endpoints:
            services.watch()
            keep(endpoints, "before")
            _fill(place)
            with pytest.raises(psycopg.Error):
                _until_it_hurts(endpoints)
        assert refused(place).code == "E_DISK_FULL"
        (place / "filler").unlink()
        with EmbeddedServices("one", root=place) as endpoints:
            assert kept(endpoints)[0] == "before"
            keep(endpoints, "with room")


def _fill(place: Path) -> None:
    with (place / "filler").open("wb") as filler:
        try:
            while True:
                filler.write(bytes(1 << 20))
                filler.flush()
        except OSError:
            return


def _until_it_hurts(endpoints: Endpoints) -> None:
    for _ in range(200):
        with psycopg.connect(endpoints.postgres.superuser_url(), connect_timeout=5) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS more (word text)")
            connection.execute("INSERT INTO more SELECT md5(g::text) FROM generate_series(1, 20000) g")


@needs_mounts
def test_a_volume_mounted_read_only(open_folder: Path) -> None:
    with volume(open_folder, 300) as place:
        with EmbeddedServices("one", root=place) as endpoints:
            keep(endpoints, "before")
        remount(place, "ro")
        problem = refused(place)
        assert problem.code == "E_READ_ONLY"
        remount(place, "rw")
        with EmbeddedServices("one", root=place) as endpoints:
            assert kept(endpoints) == ["before"]


@needs_mounts
def test_files_of_another_user_are_left_to_them(open_folder: Path) -> None:
    with EmbeddedServices("one", root=open_folder) as endpoints:
        keep(endpoints, "before")
    data, account = open_folder / "one" / "postgres", server_account()
    os.chown(data, _STRANGER, _STRANGER)
    problem = refused(open_folder)
    assert problem.code == "E_NOT_YOURS"
    assert str(data) in problem.message
    os.chown(data, account.uid, account.gid)
    os.seteuid(_STRANGER)
    try:
        assert refused(open_folder).code == "E_NOT_YOURS"
    finally:
        os.seteuid(0)
    data.chmod(0o755)
    problem = refused(open_folder)
    assert problem.code == "E_POSTGRES_START"
    assert "ermissions" in problem.message
    data.chmod(0o700)
    with EmbeddedServices("one", root=open_folder) as endpoints:
        assert kept(endpoints) == ["before"]


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"parts": [{"name": 1}]}', '{"pid": "x", "unknown": 1}']
)
def test_a_note_nobody_can_read_counts_as_none(open_folder: Path, text: str) -> None:
    (open_folder / "running.json").write_text(text)
    here = look("one", open_folder)
    assert (here.running, here.parts) == (False, ())
    services = EmbeddedServices(open_folder.name, root=open_folder.parent)
    services._lock.acquire()
    try:
        assert look("one", open_folder).running
    finally:
        services._lock.release()
    eventually(lambda: not look("one", open_folder).running)
