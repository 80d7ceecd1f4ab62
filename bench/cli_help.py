"""``senex --help`` against a bare click program, and the console's first paint against a bare Textual app.

Processes, started in turn, so that what the machine does meanwhile hits both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench._row import Row, print_rows

RUNS = 15
_CLICK = """
import click
@click.group()
def main(): ...
@main.command()
def one(): ...
main()
"""


def main() -> None:
    bare, ours = in_turn([sys.executable, "-c", _CLICK, "--help"], [sys.executable, "-m", "senex", "--help"])
    ratio = ours / bare
    print_rows(
        Row(
            row="senex --help",
            ours=f"{ours:.0f} ms",
            other=f"bare click {bare:.0f} ms",
            ratio=f"{ratio:.2f}×",
            bar="≤ 1.5×",
            within=ratio <= 1.5,
            figures={"ours_ms": ours, "click_ms": bare},
        )
    )


def in_turn(*commands: list[str]) -> list[float]:
    """The median milliseconds of each command, run alternately."""
    taken: list[list[float]] = [[] for _ in commands]
    for number in range(RUNS + 1):
        for index, command in enumerate(commands):
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if number:  # the first fills the disk cache
                taken[index].append((time.perf_counter() - began) * 1000)
    return [statistics.median(times) for times in taken]


if __name__ == "__main__":
    main()
