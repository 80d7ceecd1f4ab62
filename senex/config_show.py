"""The settings of this process as they are, and where each came from; secrets masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_settings import EnvSettingsSource

from senex.config import (
    FILE_SUFFIX,
    PREFIX,
    ROLES,
    ConsoleSettings,
    SecretFiles,
    SettingsFile,
    is_secret,
    running_console,
)
from senex.config_once import config_file

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from senex.config import CommonSettings

MASK = "********"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: ``value`` is None where nothing sets it; ``origin`` says what does."""

    name: str
    variable: str
    value: str | None
    origin: str
    roles: tuple[str, ...]


def settings() -> tuple[Setting, ...]:
    """Every setting of every role, each once.

    Raises:
        UsageProblem: ``E_CONFIG_FILE`` when a named secret file cannot be read.
    """
    roles: dict[str, list[str]] = {}
    found: dict[str, Setting] = {}
    for role, kinds in ROLES.items():
        for kind in kinds:
            given = _given(kind)
            for name, field in kind.model_fields.items():
                roles.setdefault(name, []).append(role)
                value, origin = given.get(name, (_default(field), "default"))
                shown = MASK if value is not None and is_secret(field) else value
                if shown is None:
                    origin = "missing" if field.is_required() else "default"
                found[name] = Setting(name, f"{PREFIX}{name.upper()}", shown, origin, ())
    return tuple(
        Setting(one.name, one.variable, one.value, one.origin, tuple(roles[one.name]))
        for one in found.values()
    )


def _given(kind: type[CommonSettings]) -> dict[str, tuple[str, str]]:
    """Values by name with their origin; what wins overwrites."""
    given: dict[str, tuple[str, str]] = {}
    for name, value in SettingsFile(kind)().items():
        given[name] = str(value), str(config_file())
    for name, value in SecretFiles(kind)().items():
        given[name] = str(value), f"{PREFIX}{name.upper()}{FILE_SUFFIX}"
    for name, value in EnvSettingsSource(kind)().items():
        given[name] = str(value), "environment"
    if kind is ConsoleSettings:
        for name, value in running_console({name: value for name, (value, _) in given.items()}).items():
            given.setdefault(name, (value, "the instance that runs here"))
    return given


def _default(field: FieldInfo) -> str | None:
    default = field.get_default(call_default_factory=True, validated_data={})
    return None if field.is_required() or default is None else str(default)
