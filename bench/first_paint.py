"""The console's first paint against a bare Textual app: process start to first frame, in turn."""

from __future__ import annotations

import sys

from bench._row import Row, print_rows
from bench.cli_help import in_turn

_BARE = """
from textual.app import App
class Bare(App):
    def on_ready(self):
        self.exit()
Bare().run(headless=True)
"""
_OURS = """
from tui.app import SenexApp
from tui.connect import connect
class Timed(SenexApp):
    def on_ready(self):
        self.exit()
Timed(connect=connect).run(headless=True)
"""


def main() -> None:
    bare, ours = in_turn([sys.executable, "-c", _BARE], [sys.executable, "-c", _OURS])
    ratio = ours / bare
    print_rows(
        Row(
            row="first paint",
            ours=f"{ours:.0f} ms",
            other=f"bare Textual {bare:.0f} ms",
            ratio=f"{ratio:.2f}×",
            bar="≤ 1.5×",
            within=ratio <= 1.5,
            figures={"ours_ms": ours, "textual_ms": bare},
        )
    )


if __name__ == "__main__":
    main()
