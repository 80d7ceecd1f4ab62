"""senex on several hosts: what each is started with is URLs and secrets, and nothing else."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from cryptography.fernet import Fernet
from psycopg.rows import namedtuple_row

from senex.config import child_environment
from senex.simulator.books.export import export_log
from tests.hosts.nets import Network
from tests.waiting import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.hosts.nets import Host

BROKER_PORT = 8580
CENTER = ("scheduler", "relay", "streamer")
_SETTLED = 240.0
"""An order of which nothing was heard is given up after three minutes."""
_UNSETTLED = """
SELECT (SELECT count(*) FROM trade_order WHERE account_id = a.id AND status IN ('intended', 'unknown'))
     + (SELECT count(*) FROM attempt t JOIN trade_order o ON o.id = t.order_id
        WHERE o.account_id = a.id AND t.status IN ('prepared', 'sending', 'unknown')) AS number
FROM account a WHERE number = %s
"""


@dataclass
class World:
    """The hosts, what they are given, and both sides' books to look into."""

    network: Network
    folder: Path
    data: Host
    broker: Host
    center: Host
    spare: Host
    west: Host
    east: Host
    desk: Host
    sea: Host
    urls: dict[str, str] = field(default_factory=dict)
    accounts: list[str] = field(default_factory=list)
    credentials: dict[str, str] = field(default_factory=dict)
    key: str = field(default_factory=lambda: Fernet.generate_key().decode())
    _running: dict[tuple[str, str], subprocess.Popen[str]] = field(default_factory=dict)

    # what runs where

    def begin_data(self) -> None:
        """Postgres and Redis come up, with TLS and nothing without."""
        serving = self._start(
            self.data,
            "data",
            [sys.executable, "-m", "tests.hosts.data_host", self.data.address, str(self.folder)],
            self._basics("data"),
        )
        assert serving.stdout is not None
        self.urls = json.loads(serving.stdout.readline() or "{}")
        assert self.urls, (self.folder / "data-data.log").read_text()

    def begin_broker(self, accounts: int) -> None:
        """The broker and its market come up."""
        command = [
            *(
                sys.executable,
                "-m",
                "senex.simulator",
                "--host",
                self.broker.address,
                "--port",
                str(BROKER_PORT),
            ),
            *("--state", str(self.folder / "broker"), "--accounts", str(accounts), "--seed", "7"),
            *("--speed", "1"),
        ]
        serving = self._start(self.broker, "simulator", command, self._basics("broker"))
        assert serving.stdout is not None
        ready = json.loads(serving.stdout.readline())
        self.accounts = list(ready["accounts"])
        self.credentials = {name: ready[name] for name in ("client_secret", "refresh_token")}

    def begin(self, host: Host, *parts: str, urls: Mapping[str, str] | None = None, broker: str = "") -> None:
        """Start processes of the daemon on a host, with these addresses in place of the usual ones."""
        for part in parts:
            self._start(
                host,
                part,
                [sys.executable, "-m", "daemon", part],
                self.daemon_environment(host, urls or self.urls, broker or self.broker.address),
            )

    def begin_pipe(self, ways: list[str], *, delay: int) -> None:
        """What comes to these addresses goes on to those, later."""
        command = [sys.executable, "-m", "tests.hosts.pipe", *ways, "--delay", str(delay)]
        self._start(self.sea, "pipe", command, self._basics("sea"))

    def crash(self, host: Host) -> None:
        """Everything on a host ends at once."""
        host.crash()
        for name, process in [*self._running.items()]:
            if name[0] == host.name:
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
                del self._running[name]

    def daemon_environment(self, host: Host, urls: Mapping[str, str], broker: str) -> dict[str, str]:
        """All a host with daemon processes is told."""
        return self._basics(host.name) | {
            "SENEX_DATABASE_URL": urls["daemon"],
            "SENEX_REDIS_URL": urls["redis"],
            "SENEX_BROKER_REST_URL": f"http://{broker}:{BROKER_PORT}",
            "SENEX_BROKER_ALERTS_URL": f"ws://{broker}:{BROKER_PORT}/alerts",
            "SENEX_BROKER_CLIENT_SECRET": self.credentials["client_secret"],
            "SENEX_BROKER_REFRESH_TOKEN": self.credentials["refresh_token"],
            "SENEX_ENCRYPTION_KEYS": self.key,
            "SENEX_CLOCK_URL": f"ws://{broker}:{BROKER_PORT}/clock",
        }

    def console_environment(self) -> dict[str, str]:
        """All a host with consoles is told."""
        return self._basics("desk") | {
            "SENEX_CONSOLE_DATABASE_URL": self.urls["console"],
            "SENEX_CONSOLE_REDIS_URL": self.urls["console_redis"],
            "SENEX_CLOCK_URL": f"ws://{self.broker.address}:{BROKER_PORT}/clock",
            "SENEX_OPERATOR": "trader",
        }

    def _basics(self, name: str) -> dict[str, str]:
        basics = {
            key: value for key, value in child_environment("demo").items() if not key.startswith("SENEX_")
        }
        return basics | {
            "SENEX_INSTANCE": "hosts",
            "SENEX_ENVIRONMENT": "simulated",
            "XDG_DATA_HOME": str(self.folder / name),
            "XDG_CONFIG_HOME": str(self.folder / name),
        }

    def _start(
        self, host: Host, name: str, command: list[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        process = host.start(command, environment, log=self.folder / f"{host.name}-{name}.log")
        self._running[host.name, name] = process
        return process

    # what an operator does at the desk

    def senex(self, *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """A command of the operator's."""
        return self.desk.run(
            [sys.executable, "-m", "senex", *words], self.console_environment(), seconds=seconds
        )

    def told(self, *words: str) -> dict[str, Any]:
        """What a command prints as JSON, whatever its exit code."""
        done = self.senex(*words, "--json")
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout))

    def story(self, account: str, *, seconds: float = 120) -> subprocess.Popen[str]:
        """The order story, told from the desk."""
        command = [sys.executable, "-m", "senex.cli.story", "--json", "--account", account]
        return self.desk.start(
            [*command, "--timeout", str(seconds)],
            self.console_environment(),
            log=self.folder / f"story-{account}.log",
        )

    # both sides' books

    def sql(self, query: str, *values: object) -> list[Any]:
        """Look into the books, from the host that holds them."""

        def ask() -> list[Any]:
            with psycopg.connect(self.urls["owner"], row_factory=namedtuple_row) as connection:
                return connection.execute(query.encode(), values).fetchall()

        return self.data.within(ask)

    def market(self, **body: object) -> None:
        """Set the market's clock."""
        self._broker("POST", "/clock", body)

    def _broker(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        def ask() -> Any:
            headers = {"Content-Type": "application/json"} | (
                {"Authorization": f"Bearer {token}"} if token else {}
            )
            asked = urllib.request.Request(
                f"http://{self.broker.address}:{BROKER_PORT}{path}",
                data=None if body is None else json.dumps(body).encode(),
                headers=headers,
                method=method,
            )
            with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310  a host of ours
                return json.load(answer)

        return self.broker.within(ask)

    def holdings(self, account: str) -> Counter[str]:
        """What the broker says is held, signed."""
        asked = {"grant_type": "refresh_token", **self.credentials}
        token = self._broker("POST", "/oauth/token", asked)["access_token"]
        items = self._broker("GET", f"/accounts/{account}/positions", token=token)["data"]["items"]
        held: Counter[str] = Counter()
        for one in items:
            sign = -1 if one["quantity-direction"] == "Short" else 1
            held[one["symbol"]] += sign * int(Decimal(str(one["quantity"])))
        return held

    def log(self, kind: str, account: str) -> list[dict[str, Any]]:
        """The broker's own log: order, fill or transaction."""
        lines = [json.loads(line) for line in export_log(self.folder / "broker")]
        mine = {one["id"] for one in lines if one["log"] == "order" and one["account"] == account}
        return [
            one
            for one in lines
            if one["log"] == kind and (one["order"] in mine if kind == "fill" else one["account"] == account)
        ]

    def settled(self, account: str) -> None:
        """Return once nothing of an account is open to doubt."""
        eventually(
            lambda: self.sql(_UNSETTLED, account)[0].number == 0, "nothing is in doubt", seconds=_SETTLED
        )

    def judge(self, account: str, *, entries: int) -> None:
        """One order for each decision, and both books are equal to the cent."""
        self.settled(account)
        decided = self.sql(
            "SELECT d.id, count(DISTINCT o.id) AS orders FROM decision d "
            "JOIN account a ON a.id = d.account_id LEFT JOIN trade_order o ON o.decision_id = d.id "
            "WHERE a.number = %s AND d.kind = 'approve' GROUP BY d.id",
            account,
        )
        assert [row.orders for row in decided] == [1] * entries, decided
        theirs = self.log("order", account)
        names = Counter(one["external_identifier"] for one in theirs)
        assert max(names.values()) == 1, names
        sent = self.sql(
            "SELECT t.external_identifier, t.status, o.kind FROM attempt t JOIN trade_order o ON o.id = t.order_id "
            "JOIN account a ON a.id = o.account_id WHERE a.number = %s",
            account,
        )
        accepted = {row.external_identifier for row in sent if row.status == "accepted"}
        assert accepted == set(names), (sent, names)
        assert sum(row.kind == "entry" for row in sent if row.status == "accepted") == entries, sent
        self._fills_agree(account)
        held = self.sql(
            "SELECT symbol, sum(open_quantity)::int AS open FROM lot l JOIN position p ON p.id = l.position_id "
            "JOIN account a ON a.id = p.account_id WHERE a.number = %s GROUP BY symbol",
            account,
        )
        ours = Counter({row.symbol: row.open for row in held if row.open})
        assert ours == self.holdings(account)
        self._cash_agrees(account)

    def _fills_agree(self, account: str) -> None:
        theirs = Counter(
            (
                str(one["order"]),
                one["symbol"],
                str(one["id"]),
                int(Decimal(one["quantity"])),
                Decimal(one["price"]),
            )
            for one in self.log("fill", account)
        )
        rows = self.sql(
            "SELECT o.broker_order_id, f.symbol, f.fill_id, f.quantity, f.price FROM fill f "
            "JOIN trade_order o ON o.id = f.order_id JOIN account a ON a.id = o.account_id WHERE a.number = %s",
            account,
        )
        assert Counter(tuple(row) for row in rows) == theirs

    def _cash_agrees(self, account: str) -> None:
        """Every transaction of a trade is in our ledger, to the cent."""
        fees = ("clearing_fees", "regulatory_fees", "proprietary_fees", "commission")
        told = {
            str(one["id"]): Decimal(one["value"])
            - sum((Decimal(one.get(name) or 0) for name in fees), Decimal(0))
            for one in self.log("transaction", account)
            if one.get("order") is not None or one.get("symbol") is not None
        }
        assert told
        rows = self.sql(
            "SELECT l.broker_id, l.net_value FROM ledger_entry l JOIN account a ON a.id = l.account_id "
            "WHERE a.number = %s",
            account,
        )
        ours = {row.broker_id: row.net_value for row in rows}
        assert {name: ours.get(name) for name in told} == told


@contextmanager
def open_world(folder: Path, *, accounts: int) -> Iterator[World]:
    """The network with data and broker up and nothing of senex yet."""
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        world = World(
            network=network,
            folder=folder,
            data=network.host("data"),
            broker=network.host("broker"),
            center=network.host("center"),
            spare=network.host("spare"),
            west=network.host("west"),
            east=network.host("east"),
            desk=network.host("desk"),
            sea=network.host("sea"),
        )
        stack.callback(_end, world)
        world.begin_data()
        world.begin_broker(accounts)
        yield world


def _end(world: World) -> None:
    for host in world.network.hosts:
        world.crash(host)


def wait_for(fact: Callable[[], Any], what: str) -> Any:
    """As ``eventually``, with patience for hosts that are far or gone."""
    return eventually(fact, what, seconds=120)
