"""How facts are written on a screen: signs as well as colours, `—` for what is not known.

Everything from outside passes ``clean`` first: control characters, line
breaks and direction marks must not move a cursor or fake a cell.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from senex.domain.calendar import NEW_YORK, new_york_date
from senex.domain.quotes import DISPLAY_STALE
from senex.domain.symbols import OptionSymbol
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

DASH = "—"
MINUS = "−"
_OCC_LENGTH = 21
_OCC = re.compile(r"\b([A-Z]{1,6}) *(\d{6}[CP]\d{8})\b")
_ALLOWED_CATEGORIES = frozenset("LMNPSZ")
_SECOND = timedelta(seconds=1)


class Cell(NamedTuple):
    """A piece of plain text with a tone (gain, loss, dim, warn, bad, strong, accent) and its freshness."""

    text: str
    tone: str = ""
    stale: bool = False


NOTHING = Cell("")
UNKNOWN_CELL = Cell(DASH, "dim")


def clean(text: str, limit: int = 200) -> str:
    """Outside text on one line: what cannot be seen becomes `·`, and it ends at ``limit``."""
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    shown = "".join(c if unicodedata.category(c)[0] in _ALLOWED_CATEGORIES else "·" for c in text)
    shown = shown.replace("\u2028", "·").replace("\u2029", "·")
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def number(value: Decimal, places: int = 2) -> str:
    """A plain number with thousands separators and a real minus sign."""
    return f"{value:,.{places}f}".replace("-", MINUS)


def signed(value: Decimal, places: int = 2) -> str:
    """A number that always shows its sign; zero has none."""
    return f"{value:+,.{places}f}".replace("-", MINUS) if value else number(value, places)


def money(value: Decimal | Unknown | None, places: int = 2) -> str:
    """Dollars: ``$1,234.50``, ``−$12.00``."""
    if value is None or isinstance(value, Unknown):
        return DASH
    return f"{MINUS if value < 0 else ''}${abs(value):,.{places}f}"


def gain(value: Decimal | Unknown | None, places: int = 2) -> str:
    """Dollars with the sign always said: ``+$12.00``."""
    if value is None or isinstance(value, Unknown):
        return DASH
    return f"+{money(value, places)}" if value > 0 else money(value, places)


def gain_cell(value: Decimal | Unknown | None, *, stale: bool = False) -> Cell:
    """A profit or loss, with the colour of its sign."""
    if value is None or isinstance(value, Unknown):
        return UNKNOWN_CELL
    return Cell(gain(value), tone_of(value), stale)


def tone_of(value: Decimal) -> str:
    """The tone of an amount's sign."""
    return "gain" if value > 0 else "loss" if value < 0 else ""


def effect(price: Decimal | Unknown | None) -> str:
    """A signed price with what it does to cash: ``2.35 cr``, ``0.42 db``."""
    if price is None or isinstance(price, Unknown):
        return DASH
    places = 2 if price == round(price, 2) else 3
    if price == 0:
        return "0.00"
    return f"{abs(price):,.{places}f} {'cr' if price > 0 else 'db'}"


def price(value: Decimal | Unknown | None) -> str:
    """A price per share; a half cent keeps its third place."""
    if value is None or isinstance(value, Unknown):
        return DASH
    return number(value, 2 if value == round(value, 2) else 3)


def age(value: timedelta | Unknown | None) -> str:
    """``4s``, ``3m``, ``2h``, ``5d``."""
    if value is None or isinstance(value, Unknown):
        return DASH
    seconds = int(value.total_seconds())
    if seconds < 100:
        return f"{seconds}s"
    if seconds < 6000:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 172_800 else f"{seconds // 86_400}d"


def age_cell(value: timedelta | Unknown | None) -> Cell:
    """An age: quiet while fresh, warning once stale, `—` where nothing came yet."""
    if value is None or isinstance(value, Unknown):
        return UNKNOWN_CELL
    return Cell(age(value), "warn" if value > DISPLAY_STALE else "dim")


def ago(instant: datetime | None, now: datetime) -> str:
    """How long ago, in words."""
    if instant is None:
        return "never"
    passed = now - instant
    return "just now" if passed < _SECOND else f"{age(passed)} ago"


def clock(instant: datetime) -> str:
    """New York time to the second."""
    return f"{instant.astimezone(NEW_YORK):%H:%M:%S}"


def moment(instant: datetime | None, now: datetime) -> str:
    """A stored time in New York: the time today, date and time otherwise."""
    if instant is None:
        return DASH
    local = instant.astimezone(NEW_YORK)
    return f"{local:%H:%M:%S}" if new_york_date(now) == local.date() else f"{local:%d %b %H:%M}"


def day(value: date) -> str:
    """``19 Dec``; the year only when it helps nobody to guess."""
    return f"{value:%d %b}".lstrip("0")


def long_day(value: date) -> str:
    """``Fri 19 Dec 2025``."""
    return f"{value:%a} {day(value)} {value:%Y}"


def dte(expiry: date, now: datetime) -> int:
    """Calendar days to expiration on the New York date."""
    return (expiry - new_york_date(now)).days


def option(symbol: str) -> str:
    """An OCC symbol for people: ``622 put 19 Dec``; anything else as it is."""
    if len(symbol) != _OCC_LENGTH:
        return clean(symbol)
    known = OptionSymbol.from_occ(symbol)
    kind = "call" if known.right == "C" else "put"
    return f"{strike(known.strike)} {kind} {day(known.expiry)}"


def prose(text: str) -> str:
    """An outside sentence, with option symbols in it written for people."""
    return _OCC.sub(lambda found: f"{found[1]} {option(f'{found[1]:<6}{found[2]}')}", clean(text, limit=600))


def strike(value: Decimal) -> str:
    """``622``, ``500.5``."""
    return f"{value.normalize():f}"


def count(quantity: int) -> str:
    """A signed number of contracts: ``+2``, ``−1``."""
    return f"{quantity:+d}".replace("-", MINUS)


def strategy(name: str) -> str:
    """A strategy's stored name in words: ``senex_trident`` → ``Senex Trident``."""
    return clean(name).replace("_", " ").title()


def words(name: str) -> str:
    """A stored status or key in words: ``partially_filled`` → ``partially filled``."""
    return clean(name).replace("_", " ").replace("-", " ")


def percent(share: Decimal, places: int = 0) -> str:
    """A share as percent: ``40 %``."""
    return f"{number(share * 100, places)} %"
