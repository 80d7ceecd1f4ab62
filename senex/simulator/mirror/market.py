"""The market behind mirrored quotes: real chains, the real calendar, nothing invented."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from senex.simulator.market.listing import Contract, Expiration, contract
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.roots import ROOTS
from senex.simulator.mirror.quotes import streamer_of

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.market.corporate import Dividend, Earnings
    from senex.simulator.market.kinds import Split
    from senex.simulator.market.profiles import Scenario
    from senex.simulator.market.quotes import Quote
    from senex.simulator.mirror.quotes import MirrorQuotes


class MirrorMarket(Market):
    """What a market says, answered from another market's rows and chains.

    Order queues are still drawn from the seed. Dividends, earnings and splits
    are not known here, so none happen.
    """

    def __init__(self, *, seed: int, scenario: Scenario, start: datetime, mirror: MirrorQuotes) -> None:
        super().__init__(seed=seed, scenario=scenario, start=start)
        self.mirror = mirror
        self.chains: dict[str, tuple[Expiration, ...]] = {}

    def take_chain(self, symbol: str, nested: dict[str, Any]) -> None:
        """Take the ``data`` of a nested option chain; roots the simulator does not know are left out."""
        found = [
            Expiration(
                day=date.fromisoformat(one["expiration-date"]),
                monthly=one["expiration-type"] == "Regular",
                strikes=tuple(sorted(Decimal(strike["strike-price"]) for strike in one["strikes"])),
                root=chain["root-symbol"],
                settlement=one["settlement-type"],
                kind=one["expiration-type"],
            )
            for chain in nested["items"]
            if chain["root-symbol"] in ROOTS
            for one in chain["expirations"]
        ]
        self.chains[symbol] = tuple(sorted(found, key=lambda one: (one.day, one.root)))

    def chain(self, symbol: str, tick: int) -> tuple[Expiration, ...]:
        """The expirations that are not over."""
        day = self.day(tick)
        return tuple(one for one in self.chains.get(symbol, ()) if one.day >= day)

    def listed(self, occ: str, tick: int) -> Contract | None:
        """The contract, if the other market lists it."""
        known = contract(occ)
        if known is None:
            return None
        option = known.option
        for one in self.chain(known.underlying, tick):
            if (one.day, one.root) == (option.expiry, option.root) and option.strike in one.strikes:
                return known
        return None

    def quote(self, symbol: str, tick: int) -> Quote | None:
        """The newest quote; there is none of the past."""
        return self.mirror.quote(symbol, tick)

    def spot(self, symbol: str, tick: int) -> float:
        """The mid of the newest quote."""
        quote = self.mirror.quote(symbol, tick)
        return super().spot(symbol, tick) if quote is None else float(quote.mid)

    def close(self, symbol: str, number: int) -> float:
        """The close before today as the other market tells it."""
        told = self._summary(symbol, "prevDayClosePrice")
        return super().close(symbol, number) if told is None else told

    def settlement(self, root: str, day: date, kind: str = "PM") -> Decimal:
        """The newest mid: what an option settles at when its trading ends."""
        underlying = ROOTS[root].underlying
        quote = self.mirror.quote(underlying, 0)
        return super().settlement(root, day, kind) if quote is None else quote.mid

    def day_bar(self, symbol: str, number: int, tick: int) -> tuple[float, float, float, float]:
        """Open, high, low and last as the other market tells them."""
        del number
        names = ("dayOpenPrice", "dayHighPrice", "dayLowPrice")
        told = [self._summary(symbol, name) for name in names]
        last = self.spot(symbol, tick)
        opened, high, low = (last if one is None else one for one in told)
        return opened, max(high, last), min(low, last), last

    def year_range(self, symbol: str, tick: int) -> tuple[float, float]:
        """The year's range as the other market tells it; where it does not, the day's."""
        _, high, low, _ = self.day_bar(symbol, 0, tick)
        told = [self.mirror.figure("Profile", symbol, name) for name in ("low52WeekPrice", "high52WeekPrice")]
        return low if told[0] is None else told[0], high if told[1] is None else told[1]

    def volume(self, symbol: str, tick: int) -> int:
        """The day's volume as the other market tells it."""
        del tick
        return int(self.mirror.figure("Trade", streamer_of(symbol) or "", "dayVolume") or 0)

    def open_interest(self, occ: str, tick: int) -> int:
        """As the other market tells it."""
        del tick
        return int(self.mirror.figure("Summary", streamer_of(occ) or "", "openInterest") or 0)

    def dividends(self, symbol: str) -> tuple[Dividend, ...]:
        """None are known."""
        del symbol
        return ()

    def earnings(self, symbol: str) -> tuple[Earnings, ...]:
        """None are known."""
        del symbol
        return ()

    def splits(self, symbol: str) -> tuple[Split, ...]:
        """None are known."""
        del symbol
        return ()

    def _summary(self, symbol: str, column: str) -> float | None:
        return self.mirror.figure("Summary", symbol, column) if symbol in PROFILES else None
