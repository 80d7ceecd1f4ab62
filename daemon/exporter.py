"""The exporter: Prometheus' metrics of all of senex from one process, asked for when somebody scrapes.

Each scrape is one transaction of Postgres, and a look at the disks of this host.
Without Postgres it says just that.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from prometheus_client import start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from senex.bootstrap.machine import ThisMachine, folders
from senex.bus.clock_once import read_clock
from senex.domain.errors import SenexError, Unavailable
from senex.store.heartbeats import keep_beating
from senex.store.metrics import Figure, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from senex.config import DaemonSettings

_PATIENCE = 5.0
_FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "senex_up": ("Whether Postgres answered this scrape.", ()),
    "senex_work": ("Work of the outbox that is not done.", ("queue", "state")),
    "senex_work_oldest_seconds": ("Age of the oldest work that is not done.", ("queue",)),
    "senex_work_seconds": ("From written to done, of the work of the last ten minutes.", ("job", "quantile")),
    "senex_work_done_recently": ("Work done in the last ten minutes.", ("job",)),
    "senex_job_last_done_seconds": ("Age of a scheduled job's last success.", ("job",)),
    "senex_orders": ("Orders by where they stand.", ("status",)),
    "senex_unknown_orders": ("Orders of which it is not known whether the broker has them.", ()),
    "senex_alarms": ("Open alarms.", ("code", "severity")),
    "senex_source_ok": ("Whether a source is fresh.", ("source",)),
    "senex_stream_age_seconds": ("Age of a stream's last frame.", ("source",)),
    "senex_stream_symbols": ("Symbols that are streamed.", ()),
    "senex_stream_symbols_limit": ("Symbols that are streamed at most.", ()),
    "senex_stream_leases_refused": ("Wishes of consoles that have no room in the budget.", ()),
    "senex_stream_quarantined": (
        "Messages that were no quote and were put aside, since the streamer began.",
        (),
    ),
    "senex_token_seconds": ("How long the broker's token is good for; it is renewed a minute before.", ()),
    "senex_heartbeat_age_seconds": ("Age of a process's heartbeat.", ("process", "instance")),
    "senex_account_ready": ("Whether entries may be sent, as far as reconciliation goes.", ("account",)),
    "senex_account_state": ("1 for the trading state an account is in.", ("account", "state")),
    "senex_account_net_liquidation_dollars": ("Net liquidation as last read.", ("account",)),
    "senex_account_open_risk_dollars": ("Worst loss of all that is open.", ("account",)),
    "senex_account_risk_budget_dollars": ("What may be at risk.", ("account",)),
    "senex_database_connections": ("Connections to the database.", ("application", "state")),
    "senex_database_connections_limit": ("Connections Postgres takes.", ()),
    "senex_table_bytes": ("Size of a table with its indexes and partitions.", ("table",)),
    "senex_table_rows": ("Rows of a table, estimated.", ("table",)),
    "senex_process_cpu_seconds": ("CPU of a process and its children.", ("process", "instance", "host")),
    "senex_process_resident_bytes": ("Memory, with shared pages.", ("process", "instance", "host")),
    "senex_disk_used_ratio": ("Share of a disk that is taken.", ("path",)),
}
_log = structlog.get_logger("senex.exporter")


class Everything(Collector):
    """Collects on the exporter's loop, whichever thread asks."""

    def __init__(self, metrics: Metrics, settings: DaemonSettings, loop: asyncio.AbstractEventLoop) -> None:
        self._metrics, self._settings, self._loop = metrics, settings, loop
        self._machine = ThisMachine(folders(settings))

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Without asking anybody, what there is to come."""
        yield from _families([])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One scrape."""
        try:
            read = self._metrics.read(self._market_time())
            figures = asyncio.run_coroutine_threadsafe(read, self._loop).result(_PATIENCE)
        except (SenexError, TimeoutError) as problem:
            _log.warning("a scrape got no figures", why=str(problem))
            figures = [Figure("senex_up", (), 0.0)]
        else:
            figures.append(Figure("senex_up", (), 1.0))
        figures += [
            Figure("senex_disk_used_ratio", (disk.path,), float(disk.used)) for disk in self._machine.disks()
        ]
        yield from _families(figures)

    def _market_time(self) -> datetime | None:
        with suppress(Unavailable):
            return read_clock(self._settings.clock_url, timeout=1.0).now()
        return None


def _families(figures: list[Figure]) -> Iterator[GaugeMetricFamily]:
    for name, (said, labels) in _FAMILIES.items():
        family = GaugeMetricFamily(name, said, labels=labels)
        for figure in figures:
            if figure.name == name:
                family.add_metric(figure.labels, figure.value)
        yield family


async def serve(settings: DaemonSettings, *, address: str, instance: str) -> None:
    """Serve ``/metrics`` until cancelled.

    Raises:
        Unavailable: ``E_METRICS_ADDRESS`` when nobody can listen there.
    """
    host, _, port = address.rpartition(":")
    metrics = Metrics(settings.direct_url)
    registry = CollectorRegistry()
    registry.register(Everything(metrics, settings, asyncio.get_running_loop()))
    try:
        server, thread = start_http_server(int(port), addr=host, registry=registry)
    except OSError as problem:
        raise Unavailable(
            "E_METRICS_ADDRESS",
            f"Metrics cannot be served at {address} ({problem.strerror}); give SENEX_METRICS_ADDRESS a free one.",
        ) from problem
    _log.info("serving", address=address)
    try:
        await keep_beating(settings.direct_url, "exporter", instance)
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        await asyncio.to_thread(thread.join)
        await metrics.close()
