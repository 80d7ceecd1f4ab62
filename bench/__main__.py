"""``python -m bench [NAME…]``: run the rows, print the table, keep the figures as JSON.

A row is a script ``bench/NAME.py`` that prints one JSON line as its last line
of stdout (``bench._row.Row``). Figures of shared machines drift; a row compares
two things in one run and reports the ratio of medians.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def main(wanted: list[str]) -> int:
    """All rows, or those named; 1 when one could not be measured."""
    names = wanted or sorted(path.stem for path in HERE.glob("[!_]*.py"))
    rows, failed = [], False
    for name in names:
        print(f"… {name}", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}"], capture_output=True, text=True, check=False
        )
        lines = done.stdout.strip().splitlines()
        if done.returncode or not lines:
            failed = True
            print(done.stderr.strip() or f"{name} printed nothing", file=sys.stderr)
            continue
        found = json.loads(lines[-1])
        rows += found if isinstance(found, list) else [found]
    _print(rows)
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "system": platform.platform()}
    at = datetime.now(UTC)  # noqa: TID251  when it was measured, by the wall
    target = RESULTS / f"{at:%Y%m%d-%H%M%S}.json"
    target.write_text(json.dumps({"at": at.isoformat(), **machine, "rows": rows}, indent=2) + "\n")
    print(f"\n{target.relative_to(HERE.parent)}", file=sys.stderr)
    return 1 if failed else 0


def _print(rows: list[dict[str, object]]) -> None:
    head = ("row", "ours", "compared with", "ratio", "bar", "")
    table = [head] + [
        (
            str(row["row"]),
            str(row["ours"]),
            str(row["other"]),
            str(row["ratio"]),
            str(row["bar"]),
            "ok" if row["within"] else "OVER",
        )
        for row in rows
    ]
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
