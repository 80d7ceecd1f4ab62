"""Settings: read once, from the environment only here.

Precedence: flag > ``SENEX_…`` > ``SENEX_…_FILE`` (secrets) > file > default; a console
with none of them knows the instance that runs here. Each role knows its own settings
and no others; a child process gets the same cut.
"""

from __future__ import annotations

import json
import os
from datetime import time
from enum import StrEnum
from getpass import getuser
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from senex.config_limits import LimitFields
from senex.config_once import INSTANCE, config_file
from senex.domain.errors import UsageProblem
from senex.machine import data_folder, local_console_file, server_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

PREFIX = "SENEX_"
FILE_SUFFIX = "_FILE"
_BROKER_DOMAINS = (".tastyworks.com", ".tastytrade.com")
_SCHEMES: Mapping[str, tuple[str, ...]] = {
    "database_url": ("postgresql://", "postgres://"),
    "direct_url": ("postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
    "clock_url": ("ws://", "wss://"),
    "dead_man_url": ("https://", "http://"),
}
"""How an address of a kind starts, by the end of its setting's name."""
WorkerQueue = Literal["trading", "accounts", "default"]
Role = Literal["console", "daemon", "part", "migrator", "backup", "secrets", "simulator", "demo", "up"]


class Environment(StrEnum):
    """Whose money moves."""

    SIMULATED = "simulated"
    SANDBOX = "sandbox"
    LIVE = "live"


def instance_folder(instance: str) -> Path:
    """Where an instance keeps its data (``$XDG_DATA_HOME/senex/INSTANCE``; root's elsewhere, see ``senex.machine``)."""
    return data_folder(server_account()) / instance


def log_folder(instance: str) -> Path:
    """Where an instance keeps its logs."""
    return instance_folder(instance) / "logs"


def running_console(given: Mapping[str, object]) -> dict[str, str]:
    """The console's settings of the instance that runs here, where ``given`` (by name) leaves it all open.

    All of them or none: half of one installation and half of another would lie.
    """
    folder = instance_folder(str(given.get("instance", INSTANCE)))
    try:
        found: dict[str, str] = json.loads(local_console_file(folder).read_text(encoding="utf-8"))
    except OSError:
        return {}
    return {} if any(given.get(name, value) != value for name, value in found.items()) else found


def login_name() -> str:
    """Who runs this; by number where the machine knows no name for it, as in some containers."""
    try:
        return getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting is a secret: a file may hold it, and nobody is shown it."""
    return field.annotation in (SecretStr, SecretStr | None)


class SecretFiles(PydanticBaseSettingsSource):
    """``SENEX_X_FILE`` names a file that holds the value of X, for secrets only."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        if not is_secret(field):
            return None, field_name, False
        variable = f"{_variable(field_name)}{FILE_SUFFIX}"
        name = os.environ.get(variable)
        if not name:
            return None, field_name, False
        try:
            secret = Path(name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageProblem(
                "E_CONFIG_FILE",
                f"{variable} names {name}, which cannot be read ({error.__class__.__name__}); "
                "make it readable for this user or correct the path.",
            ) from error
        if not secret:
            raise UsageProblem(
                "E_CONFIG_FILE", f"{variable} names {name}, which is empty; write the secret into it."
            )
        return secret, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                values[key] = value
        return values


class SettingsFile(TomlConfigSettingsSource):
    """The optional TOML file; what is no setting in it is a mistake worth saying, not one to pass over."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        file = config_file()
        try:
            super().__init__(settings_cls, toml_file=file)
        except (OSError, ValueError) as error:
            raise UsageProblem(
                "E_CONFIG_FILE", f"The settings in {file} cannot be read ({error}); correct the file."
            ) from error
        known = {name for kinds in ROLES.values() for kind in kinds for name in kind.model_fields}
        for name in sorted(self.toml_data.keys() - known):
            raise UsageProblem(
                "E_CONFIG_FILE",
                f"{file} sets {name}, which is no setting; docs/environment-variables.md has their names.",
            )


class LocalInstance(PydanticBaseSettingsSource):
    """What a running instance left for the commands of its user; see ``running_console``."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  pydantic's signature
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return running_console(self.current_state)


class CommonSettings(BaseSettings):
    """What every process knows."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_ignore_empty=True, frozen=True)

    instance: Annotated[
        str,
        Field(
            default=INSTANCE,
            pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
            description="Which installation on this machine: data, logs and locks are kept apart by it.",
        ),
    ]
    environment: Annotated[
        Environment,
        Field(
            default=Environment.SIMULATED,
            description="simulated, sandbox or live. LIVE moves real money and is never a default.",
        ),
    ]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls), SettingsFile(settings_cls)

    def model_post_init(self, _context: object, /) -> None:
        """An address that is none is said here, in one place, and not by what would connect to it.

        Raises:
            UsageProblem: ``E_CONFIG_VALUE``.
        """
        for name in type(self).model_fields:
            schemes = next((found for end, found in _SCHEMES.items() if name.endswith(end)), None)
            value = getattr(self, name)
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            if schemes and text is not None and not text.startswith(schemes):
                raise UsageProblem(
                    "E_CONFIG_VALUE",
                    f"{_variable(name)} is not usable: it has to start with {' or '.join(schemes)}.",
                )
            if schemes and text is not None and "," in urlsplit(text).netloc.rpartition("@")[2]:
                raise UsageProblem(
                    "E_CONFIG_VALUE",
                    f"{_variable(name)} is not usable: several hosts of Postgres are named in the query, "
                    "postgresql://USER:PASSWORD@/DATABASE?host=A,B&port=5432,5432&target_session_attrs=read-write.",
                )
        urls = getattr(self, "notify_urls", None)
        if urls is not None:
            from senex.outside.channels import read_channels  # noqa: PLC0415  hardly any process has some

            read_channels(urls.get_secret_value())


class _Clocked(CommonSettings):
    clock_url: Annotated[
        str | None,
        Field(
            default=None,
            description="Where a simulated market serves its time (ws://…); required when simulated, else unset.",
        ),
    ]

    def model_post_init(self, _context: object, /) -> None:
        """A simulated market has its own time, and only that one.

        Raises:
            UsageProblem: ``E_CONFIG_MISSING`` or ``E_CONFIG_ENVIRONMENT``.
        """
        super().model_post_init(_context)
        simulated = self.environment is Environment.SIMULATED
        if simulated and self.clock_url is None:
            raise _missing("clock_url")
        if not simulated and self.clock_url is not None:
            raise UsageProblem(
                "E_CONFIG_ENVIRONMENT",
                f"SENEX_CLOCK_URL is set, but {self.environment} runs on real time; unset it, or set "
                "SENEX_ENVIRONMENT=simulated.",
            )


class ConsoleSettings(_Clocked):
    """What ``senex tui`` and the scripted commands know: no broker, no daemon password."""

    console_database_url: Annotated[
        SecretStr, Field(description="Postgres as the console's role: reads, and inserts decisions.")
    ]
    console_redis_url: Annotated[
        SecretStr, Field(description="Redis as the console's user: reads the cache, subscribes, leases.")
    ]
    operator: Annotated[
        str,
        Field(
            default_factory=login_name, description="Who decides at this console; default: the login name."
        ),
    ]
    idle_lock_minutes: Annotated[
        int, Field(default=15, ge=0, description="The console locks after so many idle minutes; 0 never.")
    ]
    keys: Annotated[
        dict[str, str],
        Field(
            default_factory=dict,
            description='Other keys for the console, as JSON by action id: {"kill": "f12"}. `?` lists the ids.',
        ),
    ]

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = super().settings_customise_sources(settings_cls, *sources, **named)
        return *given, LocalInstance(settings_cls)


class DaemonSettings(LimitFields, _Clocked):
    """What the daemon's processes know."""

    database_url: Annotated[SecretStr, Field(description="Postgres as the daemon's role; may be a pooler.")]
    database_direct_url: Annotated[
        SecretStr | None,
        Field(
            default=None, description="Postgres without a pooler, for locks and LISTEN; default: the former."
        ),
    ]
    redis_url: Annotated[SecretStr, Field(description="Redis as the daemon's user, database 0.")]
    encryption_keys: Annotated[
        SecretStr | None,
        Field(
            default=None,
            description="Fernet keys, comma-separated, newest first; they encrypt tokens kept in the database.",
        ),
    ]
    broker_rest_url: Annotated[
        str | None,
        Field(
            default=None,
            description="The broker's REST address; required when simulated, else the broker's own.",
        ),
    ]
    broker_alerts_url: Annotated[
        str | None,
        Field(default=None, description="The broker's account alerts (ws://…); as for the REST address."),
    ]
    broker_client_secret: Annotated[
        SecretStr | None,
        Field(
            default=None,
            description="OAuth client secret of your application; unset, what `senex account connect` kept.",
        ),
    ]
    broker_refresh_token: Annotated[
        SecretStr | None,
        Field(
            default=None,
            description="OAuth refresh token of your grant; unset, what `senex account connect` kept.",
        ),
    ]
    live_account: Annotated[
        str | None,
        Field(
            default=None,
            description="Live only: number of the account that may open positions, several with commas; no other may.",
        ),
    ]
    notify_urls: Annotated[
        SecretStr | None,
        Field(
            default=None,
            description="Where operators are reached: lines OPERATOR=ADDRESS, addresses as apprise writes them.",
        ),
    ]
    dead_man_url: Annotated[
        SecretStr | None,
        Field(
            default=None,
            description="An https:// address asked for every minute while books and broker are compared on time.",
        ),
    ]
    log_json: Annotated[
        bool,
        Field(
            default=False,
            description="Log JSON lines on stdout, and to files only where SENEX_LOG_DIR names their folder.",
        ),
    ]
    metrics_address: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^[^\s:]+:[0-9]{1,5}$",
            description="HOST:PORT where the exporter serves Prometheus' metrics, such as 127.0.0.1:9464; unset, "
            "`senex daemon` runs no exporter.",
        ),
    ]
    log_dir: Annotated[
        Path | None,
        Field(
            default=None,
            description="Where each process keeps a folder of logs; default: where `senex paths` says.",
        ),
    ]
    log_megabytes: Annotated[
        int | None,
        Field(
            default=None,
            ge=1,
            description="Close each log file at so many megabytes; default: at 50, trading.log at 100.",
        ),
    ]

    stream_symbols: Annotated[
        int,
        Field(
            default=500,
            ge=1,
            le=10_000,
            description="Most symbols streamed: the books' own first, then what consoles look at, oldest first.",
        ),
    ]
    queue_workers: Annotated[
        dict[WorkerQueue, Annotated[int, Field(ge=1, le=4)]],
        Field(
            default_factory=dict,
            description='Worker processes of some queues, as JSON: {"accounts": 4}; default: trading 1, accounts 2, '
            "default 1.",
        ),
    ]

    @property
    def named_accounts(self) -> frozenset[str]:
        """The accounts that may open positions in live."""
        return frozenset(each.strip() for each in (self.live_account or "").split(",")) - {""}

    @property
    def direct_url(self) -> str:
        """The address for sessions that hold locks or listen."""
        return (self.database_direct_url or self.database_url).get_secret_value()

    def model_post_init(self, _context: object, /) -> None:
        """A simulated daemon must never reach a real broker, nor a sandboxed one real money.

        Raises:
            UsageProblem: ``E_CONFIG_MISSING`` or ``E_CONFIG_ENVIRONMENT``.
        """
        super().model_post_init(_context)
        for name in ("broker_rest_url", "broker_alerts_url"):
            url = getattr(self, name)
            if self.environment is Environment.SIMULATED and url is None:
                raise _missing(name)
            if url is not None and _too_far(url, self.environment):
                raise UsageProblem(
                    "E_CONFIG_ENVIRONMENT",
                    f"{_variable(name)} points at {urlsplit(url).hostname} while the environment is "
                    f"{self.environment}; use an address of that environment, or set SENEX_ENVIRONMENT knowingly.",
                )


class MigratorSettings(CommonSettings):
    """What ``senex db`` knows."""

    migrator_database_url: Annotated[
        SecretStr, Field(description="Postgres as the database's owner, for migrations and roles.")
    ]


class BackupSettings(CommonSettings):
    """What takes, restores and verifies backups knows."""

    backup_folder: Annotated[
        Path | None,
        Field(default=None, description="Where backups go: a folder on another disk, or a mount."),
    ]
    backup_database_url: Annotated[
        SecretStr | None,
        Field(
            default=None,
            description="Postgres as the backup role; default: that of the instance on this machine.",
        ),
    ]
    backup_key: Annotated[
        SecretStr | None,
        Field(default=None, description="Seals every file of a backup; escrow it apart (`senex db escrow`)."),
    ]
    backup_at: Annotated[
        time, Field(default=time(2), description="When the daily base backup is due, New York time.")
    ]
    backup_retention_days: Annotated[
        int,
        Field(default=30, ge=1, description="How long backups are kept; the newest base backup always is."),
    ]
    encryption_keys: Annotated[
        SecretStr | None,
        Field(
            default=None,
            description="The daemon's, to escrow them and to prove that they open what is restored; default: those "
            "of the instance on this machine.",
        ),
    ]
    escrow_passphrase: Annotated[
        SecretStr | None,
        Field(default=None, description="Opens and seals the escrow file; unset, you are asked."),
    ]
    log_json: Annotated[bool, Field(default=False, description="As the daemon's, for its part `backup`.")]
    log_dir: Annotated[
        Path | None, Field(default=None, description="As the daemon's, for its part `backup`.")
    ]
    postgres_bin: Annotated[
        Path | None,
        Field(
            default=None,
            description="The folder of Postgres' client programs, of the server's major version; default: the "
            "bundled ones.",
        ),
    ]


class UpSettings(CommonSettings):
    """What ``senex up`` decides by or looks at first; what else the daemon is given it passes on."""

    metrics_address: Annotated[str | None, Field(default=None)]
    notify_urls: Annotated[SecretStr | None, Field(default=None)]


class SecretsSettings(CommonSettings):
    """What looking after the secrets themselves takes, beside where each of them is."""

    secrets_folder: Annotated[
        Path | None,
        Field(
            default=None,
            description="Where `senex secrets` finds a file for each secret, named as its setting in lower case; "
            "default: the files that SENEX_…_FILE name, else those of the instance that runs here.",
        ),
    ]


ROLES: Mapping[Role, tuple[type[CommonSettings], ...]] = {
    "console": (ConsoleSettings,),
    "daemon": (DaemonSettings, BackupSettings),
    "part": (DaemonSettings,),
    "migrator": (MigratorSettings,),
    "backup": (BackupSettings,),
    "secrets": (SecretsSettings, MigratorSettings, DaemonSettings, ConsoleSettings, BackupSettings),
    "simulator": (CommonSettings,),
    "demo": (CommonSettings,),
    "up": (UpSettings, DaemonSettings, BackupSettings),
}
# what any process may inherit: the machine's own, and nothing of ours
_INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TERM",
    "TERM_PROGRAM",
    "COLORTERM",
    "NO_COLOR",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PYTHONUNBUFFERED",
    "SSL_CERT_FILE",
)
_INHERITED_PREFIXES = ("LC_", "XDG_", "TEXTUAL")

_AnySettings = TypeVar("_AnySettings", bound=CommonSettings)


def load(kind: type[_AnySettings], **given: object) -> _AnySettings:
    """Read the settings of a role; ``given`` (flags) win.

    Raises:
        UsageProblem: ``E_CONFIG_MISSING``, ``E_CONFIG_VALUE``, ``E_CONFIG_FILE``, ``E_CONFIG_ENVIRONMENT``.
    """
    try:
        return kind(**given)  # type: ignore[arg-type]  # pydantic checks what it is given
    except SettingsError as error:
        found = next((name for name in kind.model_fields if f'"{name}"' in str(error)), "")
        said = f"{_variable(found)} is not the JSON it has to be" if found else str(error)
        raise UsageProblem("E_CONFIG_VALUE", f"{said}; docs/environment-variables.md has its form.") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "missing":
            raise _missing(name) from None
        raise UsageProblem("E_CONFIG_VALUE", f"{_variable(name)} is not usable: {first['msg']}.") from None


def console_settings_given() -> bool:
    """Whether the environment or the settings file leads consoles to an installation by itself."""
    name = "console_database_url"
    return (
        any(os.environ.get(f"{_variable(name)}{end}") for end in ("", FILE_SUFFIX))
        or name in SettingsFile(ConsoleSettings).toml_data
    )


def secret_files(*kinds: type[CommonSettings]) -> dict[str, Path]:
    """The files that hold secrets of these settings, by setting, as the environment names them."""
    return {
        name: Path(os.environ[variable])
        for kind in kinds
        for name, field in kind.model_fields.items()
        if is_secret(field)
        and os.environ.get(variable := f"{_variable(name)}{FILE_SUFFIX}")
        and not os.environ.get(_variable(name))
    }


def child_environment(role: Role, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child process: the machine's basics and only its role's settings."""
    allowed = {_variable(name) for kind in ROLES[role] for name in kind.model_fields}
    allowed |= {f"{name}{FILE_SUFFIX}" for name in allowed}
    return {
        name: value
        for name, value in {**os.environ, **(extra or {})}.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES) or name in allowed
    }


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _missing(name: str) -> UsageProblem:
    variable = _variable(name)
    found = (
        "need nothing and which the console and its commands find while they run"
        if name in ConsoleSettings.model_fields
        else "set everything up by themselves"
    )
    return UsageProblem(
        "E_CONFIG_MISSING",
        f"{variable} is not set; set it (docs/environment-variables.md says to what), or run `senex up` or "
        f"`senex demo`, which {found}.",
    )


def _too_far(url: str, environment: Environment) -> bool:
    """Whether an address leaves its environment; in live none does, a proxy may stand anywhere."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if environment is Environment.SANDBOX:
        return f".{host}".endswith(_BROKER_DOMAINS) and ".cert." not in f".{host}"
    return environment is Environment.SIMULATED and _public(host)


def _public(host: str) -> bool:
    """Whether a host may lie outside this machine or its container network."""
    try:
        return not ip_address(host).is_private
    except ValueError:
        return "." in host
