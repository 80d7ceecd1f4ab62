"""``senex``: parse, call, print. Everything heavy loads where it is used."""

from __future__ import annotations

from senex.cli.root import main

__all__ = ["main"]
