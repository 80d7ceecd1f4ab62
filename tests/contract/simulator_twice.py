"""The same month under two Pythons: ``python -m tests.contract.simulator_twice OTHER_PYTHON [DAYS]``.

OTHER_PYTHON is an interpreter that has the simulator's dependencies, such as that of a
second virtual environment (``make determinism OTHER=python3.13`` makes one).
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from senex.simulator.books.export import export_log


def main(pythons: list[str], days: str) -> int:
    """Play the script under each and compare; 0 when the logs are the same bytes."""
    digests = set()
    with tempfile.TemporaryDirectory() as root:
        for number, python in enumerate(pythons):
            folder = Path(root) / str(number)
            subprocess.run([python, "-m", "tests.contract.simulator_script", str(folder), days], check=True)
            lines = list(export_log(folder))
            digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
            version = subprocess.run([python, "--version"], check=True, capture_output=True, text=True).stdout
            sys.stdout.write(f"{version.strip()}: {len(lines)} lines, sha256 {digest}\n")
            digests.add(digest)
    sys.stdout.write("the same bytes\n" if len(digests) == 1 else "DIFFERENT\n")
    return len(digests) - 1


if __name__ == "__main__":
    sys.exit(main([sys.executable, sys.argv[1]], [*sys.argv, "30"][2]))
