"""The SDK's own tests, of the version installed here, against ``senex simulator``.

A plain ``pytest`` does not collect this folder: its programs come from the package registry.
``python -m tests.conformance.sdk_suite [pytest's arguments]`` prints pytest's
summary and ends with pytest's code.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conformance.registry import source_of
from tests.conformance.simulator import environment, simulator


def main(arguments: list[str]) -> int:
    """Fetch, start, test."""
    with tempfile.TemporaryDirectory(prefix="senex-sdk-suite-") as name:
        folder = Path(name)
        source = source_of("tastytrade", folder)
        # the installed SDK is tested, not the unpacked one beside its tests
        suite = (source / "tests").rename(folder / "tests")
        with simulator(folder / "state") as ready:
            command = [sys.executable, "-m", "pytest", "-q", "-rxXs", "-p", "no:cacheprovider"]
            return subprocess.run(
                [*command, f"--rootdir={folder}", str(suite), *arguments],
                cwd=folder,
                env=environment(ready, folder),
                check=False,
            ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
