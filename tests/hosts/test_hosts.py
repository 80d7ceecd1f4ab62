"""senex on several hosts: in each case one order for each decision, and both books equal to the cent.

Every host has its own addresses, name and processes; Postgres and Redis are reached with TLS, verified, and with
nothing but the URLs and secrets a host is given.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.hosts.certificates import make_authority
from tests.hosts.nets import missing
from tests.hosts.world import BROKER_PORT, CENTER, World, open_world, wait_for
from tests.servers import server_folder

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
_STORY_SECONDS = 180.0
_LIVING = "SELECT host, name FROM heartbeat WHERE beat_at > clock_timestamp() - interval '5 s'"
_LEADER = f"{_LIVING} AND name = 'relay' AND strpos(detail, 'leader') > 0"
_READY = (
    "SELECT 1 AS found FROM readiness r JOIN account a ON a.id = r.account_id WHERE a.number = %s AND r.ready"
)
_DECIDED = "SELECT 1 AS found FROM decision d JOIN account a ON a.id = d.account_id WHERE a.number = %s AND d.kind = "


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    why = missing()
    if why is not None:
        pytest.skip(why)
    with server_folder() as folder, open_world(folder, accounts=8) as one:
        one.begin(one.center, *CENTER)
        one.begin(one.spare, *CENTER)
        one.begin(one.west, "worker")
        one.begin(one.east, "worker")
        wait_for(lambda: living(one, "worker trading") == {"west", "east"}, "both workers beat")
        yield one


def living(world: World, name: str) -> set[str]:
    """On which hosts processes of that name beat."""
    return {row.host for row in world.sql(_LIVING) if row.name == name}


@pytest.fixture
def account(world: World) -> str:
    """An account no other test has used, in a market that goes on."""
    world.market(speed=1)
    return world.accounts.pop()


def ends(world: World, story: subprocess.Popen[str], number: str, *, doubt: bool = False) -> None:
    """The story ends well; where it may stumble over an order in doubt, the books do all the same."""
    out, _ = story.communicate(timeout=_STORY_SECONDS + 60)
    said = (world.folder / f"story-{number}.log").read_text()
    if doubt and story.returncode == 5:
        return
    if doubt and story.returncode == 4 and "the streamer has just started" in said:  # it says: decide again
        wait_for(lambda: world.sql(_READY, number), f"{number} is reconciled")
        ends(world, world.story(number, seconds=_STORY_SECONDS), number)
        return
    assert story.returncode == 0, said
    told = json.loads(out)
    assert told["position"]["live_pnl"] == told["position"]["broker_pnl"]
    assert {one["status"] for one in told["targets"]} == {"working"}


def plays(
    world: World, number: str, *, meanwhile: Callable[[], None] = lambda: None, doubt: bool = False
) -> None:
    """The order story is told at the desk, ``meanwhile`` something happens, and the books are judged."""
    story = world.story(number, seconds=_STORY_SECONDS)
    meanwhile()
    ends(world, story, number, doubt=doubt)
    world.market(speed=1)
    assert world.told("reconcile", "--account", number)["result"]["outcome"] == "done"
    world.judge(number, entries=1)


def when(world: World, number: str, what: str) -> None:
    """Return at the moment something of the account's story is in the books."""
    queries = {
        "asked": f"{_DECIDED} 'suggest'",
        "approved": f"{_DECIDED} 'approve'",
        "filled": "SELECT 1 AS found FROM trade_order o JOIN account a ON a.id = o.account_id "
        "WHERE a.number = %s AND o.kind = 'entry' AND o.status IN ('partially_filled', 'filled')",
    }
    wait_for(lambda: world.sql(queries[what], number), f"{what}, {number}")


def test_workers_and_consoles_need_urls_and_secrets_only(world: World, account: str) -> None:
    for host in (world.west, world.east, world.desk):
        given = world.daemon_environment(host, world.urls, world.broker.address)
        assert not [name for name in given if name.startswith("SENEX_") and name.endswith("_FILE")]
    plays(world, account)
    told = world.told("status")
    assert {one["instance"].partition("@")[2].partition("/")[0] for one in told["processes"]} >= {
        "center",
        "spare",
        "west",
        "east",
    }
    health = world.told("health")
    assert [one["name"] for one in health["services"] if not one["alive"]] == []


def test_a_server_nobody_vouches_for_is_refused(world: World, tmp_path: Path) -> None:
    """TLS is verified: with another authority neither Postgres nor Redis is talked to."""
    stranger = make_authority(tmp_path).file
    urls = {
        name: url.replace(str(world.folder / "authority.pem"), str(stranger))
        for name, url in world.urls.items()
    }
    kept, world.urls = world.urls, urls
    try:
        for words, code in ((("status",), "E_POSTGRES_AWAY"), (("health", "redis"), "")):
            done = world.senex(*words)
            assert done.returncode in (1, 3), done.stderr
            assert "Traceback" not in done.stderr
            assert code in done.stderr + done.stdout
    finally:
        world.urls = kept
    plain = kept["console"].replace("sslmode=verify-full", "sslmode=disable")
    with pytest.raises(psycopg.OperationalError):
        world.desk.within(lambda: psycopg.connect(plain, connect_timeout=5))


@pytest.mark.parametrize("moment", ["asked", "approved", "filled"])
def test_a_host_of_workers_is_cut_off(world: World, account: str, moment: str) -> None:
    """One of the two loses the network at that moment, and gets it back when the story has been told."""

    def cut() -> None:
        when(world, account, moment)
        world.west.cut()

    try:
        plays(world, account, meanwhile=cut, doubt=True)
    finally:
        world.west.mend()
    wait_for(lambda: "west" in living(world, "worker trading"), "the host works again")


def test_a_host_of_workers_is_lost(world: World, account: str) -> None:
    """The power of one of them goes while an order is on its way; another is put in its place later."""

    def lose() -> None:
        when(world, account, "approved")
        world.crash(world.east)

    plays(world, account, meanwhile=lose, doubt=True)
    world.begin(world.east, "worker")
    wait_for(lambda: "east" in living(world, "worker trading"), "the new one works")


def test_the_host_that_leads_is_lost(world: World, account: str) -> None:
    """Scheduler, relay and streamer die together; their standbys on another host go on."""
    lost = next(iter(leaders(world)))
    host = world.center if lost == "center" else world.spare

    def lose() -> None:
        when(world, account, "asked")
        world.crash(host)

    plays(world, account, meanwhile=lose, doubt=True)
    wait_for(lambda: leaders(world) and lost not in leaders(world), "the others lead")
    world.begin(host, *CENTER)
    wait_for(lambda: lost in living(world, "relay"), "it stands by")


def leaders(world: World) -> set[str]:
    return {row.host for row in world.sql(_LEADER)}


def test_workers_in_another_region(world: World, account: str) -> None:
    """80 ms to Postgres, Redis and the broker: everything takes longer, and nothing else changes."""
    far = world.network.host("far")
    addresses = {5432: world.data, 6379: world.data, BROKER_PORT: world.broker}
    ways = [
        word
        for port, host in addresses.items()
        for word in ("--way", f"{world.sea.address}:{port}", f"{host.address}:{port}")
    ]
    world.begin_pipe(ways, delay=40)
    # certificates are the data host's: far away it is another address, and the name is not checked there
    urls = {
        name: url.replace(world.data.address, world.sea.address)
        .replace("verify-full", "verify-ca")
        .replace("ssl_ca_certs", "ssl_check_hostname=false&ssl_ca_certs")
        for name, url in world.urls.items()
    }
    world.begin(far, "worker", urls=urls, broker=world.sea.address)
    wait_for(lambda: "far" in living(world, "worker trading"), "the far one beats")
    for host in (world.west, world.east):
        world.crash(host)
    began = time.monotonic()
    plays(world, account)
    sys.stderr.write(f"the story with 80 ms to everything: {time.monotonic() - began:.1f} s\n")
    assert living(world, "worker trading") == {"far"}
