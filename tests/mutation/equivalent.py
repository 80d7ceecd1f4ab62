"""Changes after which senex behaves as before, each with why: no test can notice them."""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "senex/services/execute.py",
        "never: if work.account_id is not None: return work.account_id",
    ): "the same account is read from the attempt",
}
"""By module and what is done to it."""
