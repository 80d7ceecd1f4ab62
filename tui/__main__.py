"""``python -m tui``: the console, with the settings of its role."""

from __future__ import annotations

import sys

from tui.app import SenexApp
from tui.connect import connect


def main() -> int:
    """Run until the operator leaves; the exit code."""
    app = SenexApp(connect=connect)
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
