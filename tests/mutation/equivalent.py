"""Changes after which senex behaves as before, each with why: no test can notice them."""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str], str] = {}
"""By module and what is done to it."""
