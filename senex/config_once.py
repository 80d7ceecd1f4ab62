"""The one setting that commands need which are run all day and load no others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from platformdirs import user_config_path

if TYPE_CHECKING:
    from pathlib import Path

INSTANCE = "demo"
"""The installation of whom names none."""


def config_file() -> Path:
    """The optional TOML file (``$XDG_CONFIG_HOME/senex/senex.toml``)."""
    return user_config_path("senex") / "senex.toml"


def installation() -> str:
    """``SENEX_INSTANCE`` as ``senex.config`` would find it; a file that cannot be read names none."""
    given = os.environ.get("SENEX_INSTANCE")  # noqa: TID251  as senex.config reads it
    if given:
        return given
    file = config_file()
    if not file.exists():
        return INSTANCE
    import tomllib  # noqa: PLC0415  most installations have no such file

    try:
        return str(tomllib.loads(file.read_text(encoding="utf-8")).get("instance", INSTANCE))
    except (OSError, ValueError):
        return INSTANCE
