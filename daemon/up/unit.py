"""A systemd user unit that keeps ``senex up`` running, from login or boot on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import daemon
from senex.config import Environment, child_environment
from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.config import UpSettings

_PLAIN = frozenset(
    {
        "SENEX_METRICS_ADDRESS",
        "SENEX_LOG_DIR",
        "SENEX_LOG_MEGABYTES",
        "SENEX_BROKER_REST_URL",
        "SENEX_BROKER_ALERTS_URL",
        "SENEX_STREAM_SYMBOLS",
        "SENEX_QUEUE_WORKERS",
    }
)
_UNIT = """\
# senex on this machine. As the user it is for (not root):
#   senex up --print-unit > ~/.config/systemd/user/{name}.service
#   systemctl --user daemon-reload && systemctl --user enable --now {name}
#   loginctl enable-linger          (so that it runs without a login, from boot on)
[Unit]
Description=senex ({environment}, instance {instance})
After=network-online.target
StartLimitIntervalSec=600
StartLimitBurst=10

[Service]
Type=exec
ExecStart={command}
WorkingDirectory={folder}
{settings}
EnvironmentFile=-%E/senex/{name}.env
# it stops its own processes in order; what is left after that is ended
KillMode=mixed
TimeoutStopSec=90
Restart=on-failure
RestartSec=5
# a setting that cannot be used, or a rule that says no: starting again would not help
RestartPreventExitStatus=2 4
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def unit(settings: UpSettings, accounts: Sequence[str]) -> str:
    """The unit's text.

    Raises:
        UsageProblem: ``E_UP_ACCOUNT``: LIVE, and no account is named: nobody is asked at a boot.
    """
    if settings.environment is Environment.LIVE and not accounts:
        raise UsageProblem(
            "E_UP_ACCOUNT",
            "LIVE moves real money and nobody can be asked at a boot; name the account it may open positions in with "
            "--account.",
        )
    named = [word for number in accounts for word in ("--account", number)]
    code = Path(daemon.__file__).parents[1]
    command = [sys.executable, "-m", "daemon.up", "--foreground", *named]
    given = {name: value for name, value in child_environment("up").items() if _kept(name)}
    given |= {"SENEX_INSTANCE": settings.instance, "SENEX_ENVIRONMENT": str(settings.environment)}
    return _UNIT.format(
        name="senex" if settings.instance == "demo" else f"senex-{settings.instance}",
        environment=settings.environment,
        instance=settings.instance,
        command=" ".join(_quoted(word) for word in command),
        folder=str(code).replace("%", "%%"),
        settings="\n".join(
            f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(given.items())
        ),
    )


def _kept(name: str) -> bool:
    """What the unit says itself: settings that are no secret, and where data is; secrets stay in their files."""
    return name.startswith("XDG_DATA_HOME") or name.endswith("_FILE") or name in _PLAIN


def _quoted(word: str) -> str:
    """As systemd reads it: no specifier, no variable, one word."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if escaped != word or any(letter in word for letter in " '\t;") else word
