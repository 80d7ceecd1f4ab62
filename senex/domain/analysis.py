"""Market analysis: from bars, metrics and a quote to one report (DOMAIN D.2).

Indicators use closed sessions only; prices are compared with the live spot.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain import indicators
from senex.domain.calendar import Session, new_york_date
from senex.domain.judging import composite_direction, judge, stress_of
from senex.domain.quotes import Quote
from senex.domain.report import BandPosition, MarketReport
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from senex.domain.calendar import Calendar
    from senex.domain.chain import Candle, Metrics
    from senex.domain.quotes import Market

QUOTE_MAX_AGE = timedelta(minutes=5)
MIN_BARS = 20


def analyse(
    underlying: str,
    *,
    candles: Sequence[Candle],
    metrics: Metrics | Unknown,
    market: Market,
    now: datetime,
    calendar: Calendar,
) -> MarketReport:
    """The report of ``underlying`` at ``now`` (market time).

    ``candles`` are daily bars, ascending; give 100 or more, or ADX and the
    direction stay unknown. ``market`` holds the underlying's quote under its
    own symbol.
    """
    last = calendar.last_closed(now)
    closed = _closed_bars(candles, last)
    bars = [bar for bar in closed if _possible(bar)]
    closes = [bar.close for bar in bars]
    spot = _spot(underlying, market, now)
    sma20 = indicators.sma(closes)
    macd = indicators.macd(closes)
    rsi = indicators.rsi(closes)
    adx = indicators.adx(bars)
    bands = indicators.bollinger(closes)
    position = _band_position(spot, bands)
    support, resistance = indicators.support(bars), indicators.resistance(bars)
    move = spot if isinstance(spot, Unknown) else indicators.recent_move(bars, spot)
    spread = indicators.close_range(closes)
    iv_rank, iv30, broker_hv, earnings, dividend = _from_metrics(underlying, metrics)
    own_hv = indicators.historical_volatility(closes)
    hv30 = broker_hv if isinstance(own_hv, Unknown) else own_hv
    direction = composite_direction(
        spot=spot, sma20=sma20, macd=macd, adx=adx, move=move, rsi=rsi, position=position
    )
    stress = stress_of(iv_rank=iv_rank, move=move, spot=spot, support=support, resistance=resistance)
    return MarketReport(
        underlying=underlying,
        at=now,
        spot=spot,
        bars=len(bars),
        sma20=sma20,
        macd=macd,
        rsi=rsi,
        adx=adx,
        bands=bands,
        band_position=position,
        support=support,
        resistance=resistance,
        recent_move=move,
        close_range=spread,
        hv30=hv30,
        iv30=iv30,
        iv_rank=iv_rank,
        hv_iv=_ratio(hv30, iv30),
        direction=direction,
        stress=stress,
        judgement=judge(
            stress=stress,
            iv_rank=iv_rank,
            close_range=spread,
            adx=adx,
            direction=direction,
            rsi=rsi,
            position=position,
            spot=spot,
            sma20=sma20,
        ),
        days_to_earnings=_days_until(earnings, now),
        days_to_dividend=_days_until(dividend, now),
        stops=_universal_stops(spot, bars, last, broken=len(closed) - len(bars)),
    )


def _closed_bars(candles: Sequence[Candle], last: Session | Unknown) -> Sequence[Candle]:
    """Bars of sessions that are over; a bar that still forms is no bar."""
    if isinstance(last, Unknown):
        return candles
    return [bar for bar in candles if bar.day <= last.day]


def _spot(underlying: str, market: Market, now: datetime) -> Decimal | Unknown:
    quote = market.usable(underlying, now, QUOTE_MAX_AGE)
    return quote.mid if isinstance(quote, Quote) else quote


def _from_metrics(
    underlying: str, metrics: Metrics | Unknown
) -> tuple[Decimal | Unknown, Decimal | Unknown, Decimal | Unknown, date | None, date | None]:
    """IV rank, IV30, HV30, next earnings, next ex-dividend date."""
    if isinstance(metrics, Unknown):
        missing = Unknown(f"no market metrics of {underlying}: {metrics.why}")
        return missing, missing, missing, None, None
    return metrics.iv_rank, metrics.iv30, metrics.hv30, metrics.earnings, metrics.ex_dividend


def _days_until(day: date | None, now: datetime) -> int | None:
    if day is None:
        return None
    days = (day - new_york_date(now)).days
    return days if days >= 0 else None


def _possible(bar: Candle) -> bool:
    return 0 < bar.low <= min(bar.open, bar.close) and max(bar.open, bar.close) <= bar.high


def _universal_stops(
    spot: Decimal | Unknown, bars: Sequence[Candle], last: Session | Unknown, *, broken: int
) -> tuple[str, ...]:
    """Staleness and missing data stop every strategy (DOMAIN C.0)."""
    stops: list[str] = []
    if isinstance(spot, Unknown):
        stops.append(f"no usable price of the underlying: {spot.why}")
    if broken:
        stops.append(f"{broken} of the daily bars have impossible prices")
    if len(bars) < MIN_BARS:
        stops.append(f"{len(bars)} daily bars are known, {MIN_BARS} are needed")
    if isinstance(last, Unknown):
        stops.append(f"whether the daily bars are fresh is not known: {last.why}")
    elif bars and bars[-1].day < last.day:
        stops.append(f"the newest daily bar is of {bars[-1].day}, the last session was {last.day}")
    return tuple(stops)


def _band_position(spot: Decimal | Unknown, bands: indicators.Bands | Unknown) -> BandPosition | Unknown:
    if isinstance(spot, Unknown):
        return spot
    if isinstance(bands, Unknown):
        return bands
    if spot >= bands.upper:
        return BandPosition.ABOVE
    return BandPosition.BELOW if spot <= bands.lower else BandPosition.INSIDE


def _ratio(hv30: Decimal | Unknown, iv30: Decimal | Unknown) -> Decimal | Unknown:
    """HV30 ÷ IV30, both percent."""
    if isinstance(hv30, Unknown):
        return hv30
    if isinstance(iv30, Unknown):
        return iv30
    return hv30 / iv30 if iv30 > 0 else Unknown("IV30 is zero, so HV/IV has no value")
