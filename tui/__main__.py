"""``python -m tui``: the console, with the settings of its role."""

from __future__ import annotations

import sys

from senex.config import ConsoleSettings, instance_folder, load
from senex.domain.errors import SenexError


def main() -> int:
    """Run until the operator leaves; the exit code."""
    try:
        settings = load(ConsoleSettings)
        from tui.app import SenexApp  # noqa: PLC0415  a wrong setting is said before anything heavy loads
        from tui.connect import connect  # noqa: PLC0415

        app = SenexApp(
            connect=lambda: connect(settings),
            environment=settings.environment.value,
            operator=settings.operator,
            exports=instance_folder(settings.instance) / "exports",
            keys=settings.keys,
            idle_minutes=settings.idle_lock_minutes,
        )
    except SenexError as problem:
        print(problem, file=sys.stderr)  # noqa: T201  narration
        return problem.exit_code
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
