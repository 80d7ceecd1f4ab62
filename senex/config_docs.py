"""Writes ``docs/environment-variables.md`` from the settings themselves.

``python -m senex.config_docs`` writes it, ``--check`` fails where it is not current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from senex.config import (
    FILE_SUFFIX,
    PREFIX,
    BackupSettings,
    ConsoleSettings,
    DaemonSettings,
    MigratorSettings,
    SecretsSettings,
    is_secret,
)

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

TARGET = Path(__file__).parent.parent / "docs" / "environment-variables.md"
_ROLES = (
    ("Console", ConsoleSettings),
    ("Daemon", DaemonSettings),
    ("Migrator", MigratorSettings),
    ("Backup", BackupSettings),
    ("`senex secrets`", SecretsSettings),
)
_HEAD = f"""# Environment variables

Made by `python -m senex.config_docs`; do not edit. Precedence: flag, environment, secret file,
`senex.toml` in the XDG configuration folder (lower-case names without `{PREFIX}`), default. A secret may
be given by a file: `{PREFIX}…{FILE_SUFFIX}` names it. A process gets its own role's settings only.

While `senex up` or `senex demo` runs, `senex tui` and the commands of the same user find it by `{PREFIX}INSTANCE` and
need none of these; a setting that says otherwise wins.
"""


def document() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, kind in _ROLES:
        rows = ["| variable | default | meaning |", "|---|---|---|"]
        for name, field in kind.model_fields.items():
            default = "required" if field.is_required() else _shown(field)
            note = " *Secret.*" if is_secret(field) else ""
            rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description}{note} |")
        parts.append(f"## {title}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _shown(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "see there"
    return "–" if field.default is None else f"`{field.default}`"


def main() -> None:
    """Write the page, or check it."""
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(document(), encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != document():
        sys.exit("docs/environment-variables.md is not current; run `python -m senex.config_docs`.")


if __name__ == "__main__":
    main()
