"""Files of a backup: sealed, put away whole, found again, removed when they are old."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.backup import escrow, sealing
from daemon.backup import folder as places
from daemon.backup.base import Means, first_segment, put_away
from daemon.backup.scratch import end_left
from daemon.backup.sealing import seal, unseal
from daemon.backup.tools import Facts, Tools
from daemon.backup.unpack import choose
from daemon.backup.wal import Receiver
from senex.domain.errors import SenexError, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a key"
CHUNK = sealing._CHUNK
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def sealed(data: bytes, key: str = KEY) -> bytes:
    target = io.BytesIO()
    seal(io.BytesIO(data), target, key)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_what_was_sealed_opens_again(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)

    assert b"".join(unseal(io.BytesIO(sealed(data[:size])), KEY)) == data[:size]


@given(st.integers(0, 2 * CHUNK + 200), st.integers(1, 255))
def test_no_byte_may_change(place: int, flip: int) -> None:
    found = bytearray(_TWO_CHUNKS)
    found[place % len(found)] ^= flip

    with pytest.raises(UsageProblem, match="cannot be opened"):
        list(unseal(io.BytesIO(bytes(found)), KEY))


_TWO_CHUNKS = sealed(b"x" * (CHUNK + 50))


@pytest.mark.parametrize("left", [0, 20, 31 + CHUNK + 16, len(_TWO_CHUNKS) - 1])
def test_nothing_may_be_cut_off(left: int) -> None:
    with pytest.raises(UsageProblem, match="cannot be opened"):
        list(unseal(io.BytesIO(_TWO_CHUNKS[:left]), KEY))


def test_chunks_keep_their_order() -> None:
    head, size = _TWO_CHUNKS[:31], CHUNK + 16
    three = sealed(b"a" * CHUNK + b"b" * CHUNK + b"c")
    swapped = three[:31] + three[31 + size : 31 + 2 * size] + three[31 : 31 + size] + three[31 + 2 * size :]

    assert len(head) == 31
    with pytest.raises(UsageProblem, match="cannot be opened"):
        list(unseal(io.BytesIO(swapped), KEY))


def test_another_key_opens_nothing() -> None:
    with pytest.raises(UsageProblem, match="cannot be opened"):
        list(unseal(io.BytesIO(sealed(b"secret")), "another key"))


def test_keys_lie_apart_from_what_they_open_and_open_with_their_passphrase(tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    keys = escrow.Escrow("mine", "the keys", "the backup key")
    target = tmp_path / "keys.escrow"

    with pytest.raises(UsageProblem, match="inside the backups"):
        escrow.write(keys, backups / "keys.escrow", "long enough to be one", backups=backups)
    with pytest.raises(UsageProblem, match="too short"):
        escrow.write(keys, target, "short", backups=backups)
    with pytest.raises(UsageProblem, match="cannot be written"):
        escrow.write(keys, tmp_path / "gone" / "keys", "long enough to be one", backups=backups)
    escrow.write(keys, target, "long enough to be one", backups=backups)

    assert target.stat().st_mode & 0o077 == 0
    assert b"the keys" not in target.read_bytes()
    found = escrow.read(target, "long enough to be one")
    assert (found.encryption_keys, found.backup_key) == ("the keys", "the backup key")
    assert found.made_at
    with pytest.raises(UsageProblem, match="cannot be opened"):
        escrow.read(target, "another passphrase")
    with pytest.raises(UsageProblem, match="no escrow file"):
        escrow.read(tmp_path / "nothing", "whatever it is")


def base(
    folder: Path, finished: datetime, *, line: str = "a1b2c3d4", segment: str = "000000010000000000000002"
) -> Path:
    path = places.line_of(folder, line).path / "base" / finished.strftime(places.STAMP)
    path.mkdir()
    (path / "base.tar.gz").write_bytes(b"packed")
    about = {
        "finished": finished.isoformat(),
        "major": 18,
        "segment": segment,
        "revision": "0022",
        "sealed": "no",
    }
    (path / places.ABOUT).write_text("".join(f"{name}={value}\n" for name, value in about.items()))
    places.write_sums(path)
    return path


def test_what_is_older_than_the_retention_goes_and_the_newest_stays(tmp_path: Path) -> None:
    old = base(tmp_path, NOON - timedelta(days=31), segment="000000010000000000000002")
    kept = base(tmp_path, NOON - timedelta(days=29), segment="000000010000000000000005")
    gone_line = base(tmp_path, NOON - timedelta(days=90), line="00000000")
    line = places.lines_in(tmp_path)[-1]
    for name in ("000000010000000000000004.gz", "000000020000000000000005.gz", "00000002.history.gz"):
        (line.wal / name).write_bytes(b"")
    for days in (40, 33):
        (line.path / "dump" / f"{(NOON - timedelta(days=days)).strftime(places.STAMP)}.dump").write_bytes(b"")

    killed, at_work = (
        line.path / "base" / f".{(NOON - timedelta(hours=hours)).strftime(places.STAMP)}.part"
        for hours in (25, 1)
    )
    for half in (killed, at_work):
        half.mkdir()

    gone = places.prune(tmp_path, now=NOON, days=30)

    assert not killed.exists()
    assert at_work.exists()
    assert not old.exists()
    assert not gone_line.exists()
    assert kept.exists()
    assert sorted(line.received()) == ["00000002.history", "000000020000000000000005"]
    assert len(list((line.path / "dump").iterdir())) == 1
    assert len(gone) == 5
    places.prune(tmp_path, now=NOON + timedelta(days=365), days=30)
    assert kept.exists(), "the newest base backup is all there is"


def test_the_base_backup_before_the_moment_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="holds no base backup"):
        choose(tmp_path, to=None)
    first, second = base(tmp_path, NOON), base(tmp_path, NOON + timedelta(hours=2))

    assert choose(tmp_path, to=None).base.path == second
    assert choose(tmp_path, to=NOON + timedelta(hours=1)).base.path == first
    with pytest.raises(UsageProblem, match="earliest point there is, is 2026-11-26 12:00:00"):
        choose(tmp_path, to=NOON - timedelta(seconds=1))
    with pytest.raises(UsageProblem, match="there are a1b2c3d4"):
        choose(tmp_path, to=None, line="ffffffff")


def test_a_segment_counts_partial_only_until_it_is_whole(tmp_path: Path) -> None:
    line = places.line_of(tmp_path, "a1b2c3d4")
    (line.wal / "000000010000000000000004.partial.gz").write_bytes(b"")
    assert set(line.received()) == {"000000010000000000000004"}
    whole = line.wal / "000000010000000000000004.gz.sealed"
    whole.write_bytes(b"")

    assert line.received() == {"000000010000000000000004": whole}


def test_a_file_is_put_away_packed_and_sealed_and_read_again(tmp_path: Path) -> None:
    source = tmp_path / "000000010000000000000004"
    source.write_bytes(b"log" * 1000)
    line = places.line_of(tmp_path / "backups", "a1b2c3d4")

    put = places.put(source, line.wal / source.name, KEY, pack=True)

    assert put.name == "000000010000000000000004.gz.sealed"
    with places.opened(put, KEY) as stream:
        assert stream.read() == b"log" * 1000
    with pytest.raises(UsageProblem, match="is sealed"), places.opened(put, None):
        pass
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [source.name]


def test_a_segment_that_is_finished_meanwhile_waits_for_the_next_look(tmp_path: Path) -> None:
    line = places.line_of(tmp_path / "backups", "a1b2c3d4")
    means = Means(folder=tmp_path, url="", tools=Tools(tmp_path, 18), spool=tmp_path / "spool", key=None)
    receiver = Receiver(line, means)
    receiver.folder.mkdir(parents=True)
    (receiver.folder / "000000010000000000000004").write_bytes(b"log")
    listed = receiver.folder / "000000010000000000000005.partial"
    listed.symlink_to("gone")

    receiver.ship()
    listed.unlink()
    (receiver.folder / "000000010000000000000005").write_bytes(b"more")
    receiver.ship()

    assert sorted(line.received()) == ["000000010000000000000004", "000000010000000000000005"]


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(UsageProblem, match="cannot be used"):
        places.line_of(tmp_path / "file", "a1b2c3d4")
    with pytest.raises(UsageProblem, match="cannot be used"):
        places.lines_in(tmp_path / "file")
    with pytest.raises(UsageProblem, match="cannot be used"):
        places.put(tmp_path / "file", tmp_path / "gone" / "file", None)


def test_a_backup_that_cannot_be_put_away_leaves_nothing(tmp_path: Path) -> None:
    line = places.line_of(tmp_path / "backups", "a1b2c3d4")
    stage = tmp_path / "stage"
    stage.mkdir()
    (stage / places.MANIFEST).write_text('{"WAL-Ranges": [{"Timeline": 1, "Start-LSN": "0/2000028"}]}')
    (stage / "base.tar.gz").write_bytes(b"packed")
    (stage / "pg_wal.tar.gz").mkdir()  # cannot be copied, as onto a full disk
    facts = Facts(version="18", major=18, namespace="a1b2c3d4", revision="0001")

    with pytest.raises(UsageProblem, match="make room"):
        put_away(line, stage, facts, started=NOON, key=None)

    assert list((line.path / "base").iterdir()) == []


def test_what_a_killed_restore_left_running_is_ended(tmp_path: Path) -> None:
    cluster, sockets = tmp_path / "cluster", tmp_path / "senex-scratch-1"
    sockets.mkdir()
    sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
    with (
        subprocess.Popen([*sleeps, "-D", str(cluster), "-c", f"unix_socket_directories={sockets}"]) as left,
        subprocess.Popen([*sleeps, "-D", f"{cluster}-of-another"]) as other,
    ):
        end_left(cluster)

        assert left.poll() is not None
        assert not sockets.exists()
        assert other.poll() is None
        other.kill()


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    path = base(tmp_path, NOON)
    [found] = places.lines_in(tmp_path)[-1].bases
    places.check_sums(found)
    (path / "base.tar.gz").write_bytes(b"paCked")

    with pytest.raises(SenexError, match=r"base\.tar\.gz is not what was written"):
        places.check_sums(found)
    (path / places.SUMS).unlink()
    with pytest.raises(SenexError, match="SHA256SUMS is not what was written"):
        places.check_sums(found)


def test_the_first_segment_is_read_from_the_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / places.MANIFEST
    manifest.write_text(
        '{"WAL-Ranges": [{"Timeline": 2, "Start-LSN": "1/FF000028", "End-LSN": "1/FF000120"}]}'
    )

    assert first_segment(manifest) == ("0000000200000001000000FF", 2)
