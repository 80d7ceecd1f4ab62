"""``senex``: parse, call, print. Everything heavy loads where it is used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["health"]:
        from senex.cli.quick import lives_here  # noqa: PLC0415  only this command needs it

        answer = lives_here(given)
        if answer is not None:
            sys.stdout.write(f"{answer}\n")
            return 0
    from senex.cli.root import main as run  # noqa: PLC0415  parsing takes longer than all of the above

    return run(arguments)
