"""Tokens that prove themselves: signed and dated in machine time, so they survive a restart."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from time import monotonic

ACCESS_SECONDS = 900
QUOTE_SECONDS = 86_400


@dataclass(slots=True)
class Tokens:
    """Issues and checks tokens; ``epoch`` counts how often all were made to expire."""

    client_secret: str
    refresh_token: str
    epoch: int = 0

    def issue(self, kind: str, seconds: int) -> str:
        """A token that is good for ``seconds`` of machine time."""
        dated = f"{kind}.{self.epoch}.{int(monotonic()) + seconds}"
        return f"{dated}.{self._sign(dated)}"

    def expire(self) -> None:
        """Make every token issued so far expire now."""
        self.epoch += 1

    def good(self, kind: str, token: str) -> bool:
        """Whether a token was issued here for this use and has not expired."""
        dated, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._sign(dated)):
            return False
        its_kind, epoch, until = dated.split(".")
        left = int(until) - monotonic()
        return its_kind == kind and int(epoch) == self.epoch and 0 < left <= QUOTE_SECONDS

    def _sign(self, text: str) -> str:
        return hmac.digest(self.refresh_token.encode(), text.encode(), "sha256").hex()
