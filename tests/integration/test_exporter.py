"""Metrics as Prometheus reads them, from the exporter as a process on a real database."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from daemon.embedded.processes import free_port
from senex.config import child_environment
from senex.usage import usage
from tests.waiting import PATIENCE, ended, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMMAND = [sys.executable, "-m", "daemon", "exporter"]
Samples = dict[tuple[str, ...], float]


def _scrape(port: int) -> Samples:
    """Every sample by its name and the values of its labels."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _answered(port: int) -> Samples | None:
    try:
        return _scrape(port)
    except URLError:  # it does not listen yet
        return None


def _used(samples: Samples, process: str) -> float | None:
    """Memory of a process, whichever its host."""
    found = (
        value
        for key, value in samples.items()
        if (key[0], key[-1]) == ("senex_process_resident_bytes", process)
    )
    return next(found, None)


def _environment(database_url: str, folder: Path, port: int) -> dict[str, str]:
    return {
        **child_environment("demo"),  # the machine's basics
        "SENEX_ENVIRONMENT": "sandbox",
        "SENEX_DATABASE_URL": database_url,
        "SENEX_REDIS_URL": "redis://127.0.0.1:1/0",
        "SENEX_BROKER_CLIENT_SECRET": "nobody-asks",
        "SENEX_LOG_DIR": str(folder),
        "SENEX_METRICS_ADDRESS": f"127.0.0.1:{port}",
    }


@contextmanager
def _exporter(database_url: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    with subprocess.Popen(
        _COMMAND, env=_environment(database_url, folder, port), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, port
        finally:
            process.kill()


def test_a_scrape_tells_all_there_is_to_tell(database_url: str, owner_url: str, tmp_path: Path) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed, "
            "closing_only, risk_preset, created_at, updated_at) VALUES (gen_random_uuid(), 'tastytrade', 'sandbox', "
            "'5WX99999', '', 'Margin', 'all', false, false, 'moderate', now(), now())"
        )
        owner.execute(
            "INSERT INTO outbox (queue, job, subject, done_at) VALUES ('trading', 'execute', '', NULL), "
            "('trading', 'execute', '', clock_timestamp()), ('default', 'suggest', '', NULL)"
        )
        owner.execute(
            "INSERT INTO source_status (source, subject, ok, detail, at, figures) VALUES "
            """('quotes', '', true, '', now(), '{"symbols": 3, "budget": 9, "leases_refused": 2, "age_seconds": 7}')"""
            """, ('token', '', true, '', now(), '{"valid_seconds": 840}'), """
            "('redis', '', true, 'written', now(), '{}')"
        )
        beats = "INSERT INTO heartbeat (name, instance, host, pid, detail, started_at, beat_at) VALUES "
        owner.execute(beats + "('streamer', 'x', 'elsewhere', 1, 'quotes', now(), now() + interval '1 hour')")
        owner.execute(
            "INSERT INTO heartbeat VALUES "
            "('worker trading', 'x/1', 'elsewhere', 1, '', now(), now() + interval '1 hour', 1.5, 4096)"
        )
    with _exporter(database_url, tmp_path) as (process, port):
        found = eventually(lambda: _answered(port), "the exporter answers")
        beating = eventually(
            lambda: _used(_scrape(port), "exporter"),
            "its own heartbeat is heard",
        )
        environment = _environment(database_url, tmp_path, port)
        second = subprocess.run(_COMMAND, env=environment, capture_output=True, text=True, check=False)
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("UPDATE heartbeat SET beat_at = now() - interval '1 hour' WHERE name = 'streamer'")
            still = _scrape(port)
            owner.execute("ALTER TABLE outbox RENAME TO gone")
        without = _scrape(port)
        process.terminate()
        assert ended(process) == 0
    assert (second.returncode, "E_METRICS_ADDRESS" in second.stderr) == (3, True)
    assert without["senex_up",] == 0
    assert not [key for key in without if key[0] == "senex_work"]
    assert without["senex_disk_used_ratio", "/"] > 0
    assert found["senex_up",] == 1
    assert found["senex_work", "trading", "waiting"] == 1
    assert found["senex_work", "accounts", "failing"] == 0
    assert found["senex_work_done_recently", "execute"] == 1
    assert found["senex_work_seconds", "execute", "0.95"] >= 0
    assert found["senex_stream_age_seconds", "quotes"] == 7
    assert found["senex_token_seconds",] == 840
    assert (found["senex_source_ok", "quotes"], still["senex_source_ok", "quotes"]) == (1, 0)
    assert (
        still["senex_stream_age_seconds", "quotes"] >= 3607
    )  # a streamer that is silent does not stay fresh
    assert still["senex_token_seconds",] < 0
    assert found["senex_stream_symbols",] == 3
    assert found["senex_stream_symbols_limit",] == 9
    assert found["senex_stream_leases_refused",] == 2
    assert ("senex_stream_quarantined",) not in found  # unknown is not nought
    assert found["senex_unknown_orders",] == 0
    assert found["senex_table_bytes", "outbox"] > 0
    assert found["senex_table_bytes", "broker_message"] > 0  # with its partitions
    assert not [key for key in found if "_2026_" in "".join(key)]
    assert found["senex_database_connections_limit",] > 0
    assert 0 < found["senex_disk_used_ratio", "/"] <= 1
    assert [key for key in found if key[0] == "senex_account_state"]
    assert not [key for key in found if "5WX99999" in key]
    assert beating > 1_000_000
    # of another host by what its heartbeat tells; the streamer's, of a version that tells nothing, is not known
    assert _used(found, "worker trading") == 4096
    assert found["senex_process_cpu_seconds", "elsewhere", "x/1", "worker trading"] == 1.5
    assert _used(found, "streamer") is None


def test_a_process_that_is_gone_uses_nothing() -> None:
    mine = usage(os.getpid())
    assert mine is not None
    assert mine.resident_bytes > 1_000_000
    assert usage(2**30) is None
