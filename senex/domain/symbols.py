"""Option symbols: OCC (21 characters) and streamer (dxFeed) notation.

Our own, because the SDK's way back from streamer symbols loses strikes
(BROKER_WIRE 7). Symbols supplied by the broker are preferred where present.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from senex.domain.errors import UsageProblem

_OCC = re.compile(r"^([A-Z0-9./]{1,6}) *(\d{6})([CP])(\d{8})$")
_STREAMER = re.compile(r"^\.([A-Z0-9./]+?)(\d{6})([CP])(\d+(?:\.\d+)?|\.\d+)$")
_EQUITY = re.compile(r"^[A-Z][A-Z0-9./]{0,9}$")
_STRIKE_SCALE = 1000
_CENTURY = 2000


class Right(StrEnum):
    """Call or put."""

    CALL = "C"
    PUT = "P"


@dataclass(frozen=True, slots=True, order=True)
class OptionSymbol:
    """One listed option contract.

    ``strike`` is in dollars; ``expiry`` is the New York date it expires on.
    """

    root: str
    expiry: date
    right: Right
    strike: Decimal

    @property
    def occ(self) -> str:
        """``SPY   260116C00500500``: root padded to 6, yymmdd, C/P, strike in thousandths."""
        thousandths = int(self.strike * _STRIKE_SCALE)
        return f"{self.root:<6}{self.expiry:%y%m%d}{self.right}{thousandths:08d}"

    @property
    def streamer(self) -> str:
        """``.SPY260116C500.5``: the streaming feed's notation."""
        strike = f"{self.strike.normalize():f}"
        return f".{self.root.replace('/', '')}{self.expiry:%y%m%d}{self.right}{strike}"

    @classmethod
    def from_occ(cls, text: str) -> OptionSymbol:
        """Parse an OCC symbol.

        Raises:
            UsageProblem: ``E_SYMBOL`` when the text is not one.
        """
        match = _OCC.match(text)
        if match is None or len(text) != 21:
            raise _bad(text)
        root, day, right, thousandths = match.groups()
        return cls(root, _day(day, text), Right(right), Decimal(int(thousandths)) / _STRIKE_SCALE)

    @classmethod
    def from_streamer(cls, text: str) -> OptionSymbol:
        """Parse a streamer symbol.

        Raises:
            UsageProblem: ``E_SYMBOL`` when the text is not one.
        """
        match = _STREAMER.match(text)
        if match is None:
            raise _bad(text)
        root, day, right, strike = match.groups()
        return cls(root, _day(day, text), Right(right), Decimal(strike))


def underlying_symbol(text: str) -> str:
    """Check and normalise what an operator typed as an underlying.

    Raises:
        UsageProblem: ``E_SYMBOL`` when it cannot be a listed symbol.
    """
    symbol = text.strip().upper()
    if _EQUITY.match(symbol) is None:
        raise _bad(text)
    return symbol


def _day(text: str, whole: str) -> date:
    try:
        return date(_CENTURY + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise _bad(whole) from None


def _bad(text: str) -> UsageProblem:
    return UsageProblem("E_SYMBOL", f"{text!r} is not a symbol senex knows; check the spelling.")
