"""``python -m tui``: the console, with the settings of its role."""

from __future__ import annotations

import sys

from senex.domain.errors import UsageProblem
from tui.app import SenexApp
from tui.connect import connect

_USAGE = """Usage: senex tui

  Open the console: of the senex that runs here, or of the one the settings name.

  Example: SENEX_INSTANCE=mine senex tui
"""


def main() -> int:
    """Run until the operator leaves; the exit code."""
    if sys.argv[1:]:
        if sys.argv[1:] in (["--help"], ["-h"]):
            print(_USAGE)  # noqa: T201
            return 0
        problem = UsageProblem(
            "E_USAGE", f"`senex tui` takes no {sys.argv[1]}; `senex tui --help` says more."
        )
        print(problem, file=sys.stderr)  # noqa: T201
        return problem.exit_code
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        problem = UsageProblem("E_TERMINAL", "The console needs a terminal; `senex status` needs none.")
        print(problem, file=sys.stderr)  # noqa: T201
        return problem.exit_code
    app = SenexApp(connect=connect)
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
