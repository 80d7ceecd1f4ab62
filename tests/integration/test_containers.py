"""What the container files promise, without containers: secrets, users, and who gets what."""

from __future__ import annotations

import shutil
import stat
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
import yaml

from daemon.embedded.places import find_programs
from daemon.embedded.processes import free_port
from senex.machine import server_account

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
DATA_LAYER = {"postgres", "redis"}
ROLES = {"worker", "scheduler", "streamer", "relay"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "podman-compose.yml").read_text())
    return loaded


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A copy of what init-secrets needs, and its first run."""
    shutil.copytree(
        REPOSITORY / "containers", tmp_path / "containers", ignore=shutil.ignore_patterns("secrets")
    )
    (tmp_path / "daemon" / "embedded").mkdir(parents=True)
    shutil.copy(REPOSITORY / "daemon" / "embedded" / "redis-users.acl", tmp_path / "daemon" / "embedded")
    subprocess.run([tmp_path / "containers" / "init-secrets"], check=True, capture_output=True)
    return tmp_path / "containers" / "secrets"


def test_init_secrets_makes_each_once_in_a_closed_folder(secrets: Path) -> None:
    first = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run([secrets.parent / "init-secrets"], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == first
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o444}
    passwords = [value for name, value in first.items() if name.endswith("_password")]
    assert len(passwords) == len(set(passwords)) == 6
    assert min(map(len, passwords)) >= 43


def test_every_secret_the_compose_file_names_is_made(compose: dict[str, Any], secrets: Path) -> None:
    named = {Path(entry["file"]).name for entry in compose["secrets"].values()}
    assert named <= {path.name for path in secrets.iterdir()}
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    assert used == set(compose["secrets"])


def test_each_service_gets_its_own_secrets(compose: dict[str, Any]) -> None:
    given = {name: set(service.get("secrets", [])) for name, service in compose["services"].items()}
    assert given["console"] == {"console_database_url", "console_redis_url"}
    assert given["migrate"] == {"migrator_database_url"}
    assert given["simulator"] == set()
    for role in ROLES:
        assert given[role] == {"database_url", "redis_url", "encryption_keys"}
    assert not [
        volume for volume in compose["services"]["console"].get("volumes", []) if "credentials" in volume
    ]


def test_nothing_is_published_unless_asked_and_then_on_this_machine_only(compose: dict[str, Any]) -> None:
    assert not [name for name, service in compose["services"].items() if "ports" in service]
    assert {tuple(service["networks"]) for service in compose["services"].values()} == {("senex_network",)}
    override = yaml.safe_load((REPOSITORY / "podman-compose.host.yml").read_text())
    published = [port for service in override["services"].values() for port in service["ports"]]
    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_services_wait_for_the_data_layer_and_nobody_for_migrate(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        waits = set(service.get("depends_on", {}))
        assert waits <= DATA_LAYER, name
        assert "healthcheck" in service or name in {"migrate", "console"}, name


def test_the_container_redis_refuses_the_console_the_queues(secrets: Path, open_folder: Path) -> None:
    """The container's own configuration and user file, on the bundled server."""
    port = free_port()
    users = open_folder / "users.acl"
    users.write_text((secrets / "redis_users").read_text())
    with _redis_server(open_folder / "data", port, users):
        _refuses_the_console_the_queues(port, secrets)


@contextmanager
def _redis_server(folder: Path, port: int, users: Path) -> Iterator[None]:
    account = server_account()
    data = account.make_folder(folder)
    with subprocess.Popen(
        [
            *(find_programs(account).valkey_server, "-"),
            *("--dir", data, "--port", str(port), "--bind", "127.0.0.1", "--aclfile", users),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        user=account.uid if account.lent else None,
        cwd=data,
    ) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write((REPOSITORY / "containers" / "redis.conf").read_bytes())
            server.stdin.close()
            assert any(b"Ready to accept connections" in line for line in server.stdout)
            yield
        finally:
            server.kill()


def _refuses_the_console_the_queues(port: int, secrets: Path) -> None:
    password = {user: (secrets / f"redis_{user}_password").read_text() for user in ("daemon", "console")}
    with redis.Redis(port=port, username="daemon", password=password["daemon"]) as daemon:
        daemon.set("senex:cache:x", "1", ex=60)
        assert daemon.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
        assert daemon.config_get("appendonly") == {"appendonly": "yes"}
    with redis.Redis(port=port, username="console", password=password["console"]) as console:
        assert console.get("senex:cache:x") == b"1"
        with pytest.raises(redis.exceptions.NoPermissionError):
            console.lpush("rq:queue:trading", "job")
    with redis.Redis(port=port) as anonymous, pytest.raises(redis.AuthenticationError):
        anonymous.ping()
