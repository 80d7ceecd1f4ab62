"""What options are worth: forwards with their dividends, the surface, and exercise before expiry.

European options are Black's formula on the forward. A fund or stock pays its
dividends at known times, so its forward is that of the price without them; an
index pays evenly. An American option is worth the best of the Europeans that
end at times fixed today: at its expiry, now, just before an ex-date (calls),
or at a monthly expiration before its own (puts). That is a lower bound of
the true value which never falls below intrinsic value and keeps what no
arbitrage demands: convex in the strike and, to less than half a spread,
growing with time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.pricing import Greeks, option_greeks
from senex.domain.symbols import Right
from senex.simulator.market.quotes import Theory
from senex.simulator.market.surface import RATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from senex.simulator.market.contracts import Contract

SECONDS_PER_YEAR = 365.0 * 86400.0
_OUTSIDE = 0.25
"""How far out of the money, for a year to expiry, waiting is always best for a put."""
_ROOT_HALF = math.sqrt(0.5)


@dataclass(frozen=True, slots=True)
class Smile:
    """All options of an underlying that expire at one instant, at one tick.

    ``price`` is the underlying's without the dividends before expiry, so
    ``forward`` is ``price`` carried at the rate less ``carry``.
    """

    price: float
    carry: float
    years: float
    theta: float
    skew: float
    slope: float
    forward: float
    discount: float

    @property
    def at_the_money(self) -> float:
        """The volatility at the forward."""
        return math.sqrt(self.theta / self.years)

    def deviation(self, strike: float) -> float:
        """The total standard deviation to expiry at a strike: volatility times root of time."""
        moved = self.slope * math.log(strike / self.forward)
        skew = self.skew
        root = math.sqrt((moved + skew) * (moved + skew) + 1.0 - skew * skew)
        return math.sqrt(0.5 * self.theta * (1.0 + skew * moved + root))

    def value(self, strike: float, sign: float) -> tuple[float, float]:
        """A European's value and the probability-like part of its delta (unsigned); sign 1 is a call."""
        forward = self.forward
        deviation = self.deviation(strike)
        first = sign * (math.log(forward / strike) / deviation + 0.5 * deviation)
        near = 0.5 * math.erfc(-first * _ROOT_HALF)
        far = 0.5 * math.erfc((sign * deviation - first) * _ROOT_HALF)
        return self.discount * sign * (forward * near - strike * far), near


def smile(price: float, *, carry: float, years: float, theta: float, skew: float, wings: float) -> Smile:
    """The smile of an expiration; ``years`` and ``theta`` are positive."""
    forward = price * math.exp((RATE - carry) * years)
    return Smile(price, carry, years, theta, skew, wings / math.sqrt(theta), forward, math.exp(-RATE * years))


@dataclass(frozen=True, slots=True)
class Holder:
    """What an option's owner can do: take ``spot`` now, or wait for one of the ``smiles``.

    The first smile is the option's own expiry, the others are times at which
    exercising early may pay. No smile is left after expiry.
    """

    spot: float
    smiles: tuple[Smile, ...]

    def worth(self, strike: float, sign: float, *, american: bool) -> tuple[float, float]:
        """Value in dollars and unsigned delta."""
        inside = sign * (self.spot - strike)
        if not self.smiles:
            return max(0.0, inside), float(inside > 0.0)
        best = self.smiles[0].value(strike, sign)
        if american:
            for other in self._earlier(strike, sign):
                best = max(best, other.value(strike, sign))
            if inside > best[0]:
                return inside, 1.0
        return best

    def _earlier(self, strike: float, sign: float) -> tuple[Smile, ...]:
        """The times before expiry worth looking at: for puts only where interest outweighs what is uncertain."""
        if sign > 0.0 or strike > self.spot * (1.0 - _OUTSIDE * min(1.0, self.smiles[0].years)):
            return self.smiles[1:]
        return ()

    def theory(self, known: Contract) -> Theory:
        """Value, volatility and Greeks. The volatility is the surface's at the option's own expiry."""
        strike, sign, american = known.strike, 1.0 if known.is_call else -1.0, known.american
        value, _ = self.worth(strike, sign, american=american)
        inside = sign * (self.spot - strike)
        if not self.smiles:
            return Theory(Greeks(value, sign * (inside > 0.0), 0.0, 0.0, 0.0, 0.0), 0.0, self.spot)
        own = self.smiles[0]
        volatility = own.deviation(strike) / math.sqrt(own.years)
        if american and inside >= value:
            return Theory(Greeks(value, sign, 0.0, 0.0, 0.0, 0.0), volatility, self.spot)
        earlier = self._earlier(strike, sign) if american else ()
        best = _best((own, *earlier), strike, sign)
        greeks = option_greeks(
            Right.CALL if known.is_call else Right.PUT,
            spot=best.price,
            strike=strike,
            years=best.years,
            volatility=best.deviation(strike) / math.sqrt(best.years),
            rate=RATE,
            dividend_yield=best.carry,
        )
        return Theory(greeks, volatility, self.spot, best.price, best.carry, best.years)


def _best(smiles: Iterable[Smile], strike: float, sign: float) -> Smile:
    return max(smiles, key=lambda one: one.value(strike, sign)[0])
