"""``python -m tests.recovery --entries 20``: a drill with so many trades, measured."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from tests.recovery.drill import BARS, drill


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.recovery", description=__doc__)
    parser.add_argument("--entries", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="senex-drill-") as apart:
        seen = asyncio.run(drill(Path(apart), entries=asked.entries))
    met = seen.rpo <= BARS["rpo"] and seen.rto <= BARS["rto"]
    figures = {
        "entries": seen.entries,
        "targets": seen.targets,
        "backup_megabytes": round(seen.backup_bytes / 1e6, 1),
        "rpo_seconds": round(seen.rpo, 1),
        "rpo_bar": BARS["rpo"],
        "restored_in_seconds": round(seen.restored_in, 1),
        "rto_seconds": round(seen.rto, 1),
        "rto_bar": BARS["rto"],
        "verified_in_seconds": seen.verified.seconds,
        "old_machine": " ".join(map(str, seen.old_state)),
        "met": met and seen.verified.ok,
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0 if figures["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
