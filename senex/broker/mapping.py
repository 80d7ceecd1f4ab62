"""The SDK's models as our ports' values. What is not known is refused, never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
from tastytrade.order import AdvancedInstructions, LimitOrder, OrderAction, OrderTimeInForce, PlacedOrder
from tastytrade.order import InstrumentType as SdkInstrument
from tastytrade.order import Leg as SdkLeg

from senex.domain.chain import Activity, Candle, Contract, Expiration, Metrics, OptionChain, Strike
from senex.domain.errors import Unavailable, UsageProblem
from senex.domain.ledger import LedgerEntry
from senex.domain.legs import Action, InstrumentType
from senex.domain.money import ZERO
from senex.domain.orders import BrokerStatus
from senex.domain.unknown import Unknown
from senex.ports.broker import (
    AccountFacts,
    Balances,
    BrokerFill,
    BrokerLeg,
    BrokerOrder,
    DryRun,
    Holding,
    Ticket,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from tastytrade.account import Account, AccountBalance, CurrentPosition, TradingStatus, Transaction
    from tastytrade.dxfeed import Candle as SdkCandle
    from tastytrade.instruments import NestedOptionChain
    from tastytrade.market_data import MarketData
    from tastytrade.metrics import MarketMetricInfo
    from tastytrade.order import PlacedOrderResponse, UnplacedOrder

_NEW_YORK = ZoneInfo("America/New_York")
_HUNDRED = Decimal(100)


class Unreadable(Unavailable):
    """The broker said something senex has no word for; it is quarantined."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "E_BROKER_ANSWER", f"The broker sent {what}, which senex does not know; its raw bytes are kept."
        )


def account_facts(account: Account, status: TradingStatus) -> AccountFacts:
    """What an account is and may do."""
    return AccountFacts(
        number=account.account_number,
        nickname=account.nickname,
        margin_or_cash=account.margin_or_cash,
        option_level=status.options_level,
        closed=account.is_closed or status.is_closed,
        closing_only=status.is_closing_only,
    )


def balances(told: AccountBalance) -> Balances:
    """Balances in dollars."""
    return Balances(
        net_liquidation=told.net_liquidating_value,
        cash=told.cash_balance,
        option_buying_power=told.derivative_buying_power,
        maintenance=told.maintenance_requirement,
    )


def holding(told: CurrentPosition) -> Holding:
    """A position with its sign.

    Raises:
        Unreadable: a direction or an instrument we do not know.
    """
    signs = {"Long": 1, "Short": -1, "Zero": 0}
    if told.quantity_direction not in signs:
        raise Unreadable(f"the position direction {told.quantity_direction!r}")
    return Holding(
        symbol=told.symbol,
        instrument=_instrument(told.instrument_type.value),
        underlying=told.underlying_symbol,
        quantity=told.quantity * signs[told.quantity_direction],
        multiplier=int(told.multiplier),
        average_open_price=told.average_open_price,
        mark=told.mark_price,
    )


def broker_order(told: UnplacedOrder, *, order_id: str) -> BrokerOrder:
    """An order, whole.

    Raises:
        Unreadable: a status, action or quantity we do not know.
    """
    return BrokerOrder(
        id=order_id,
        account_number=told.account_number,
        underlying=told.underlying_symbol,
        status=BrokerStatus(told.status.value),
        external_identifier=told.external_identifier,
        legs=tuple(_leg(leg) for leg in told.legs),
        price=told.price,
        reject_reason=told.reject_reason,
        updated_at=aware(told.updated_at),
        replaces=None if told.replaces_order_id is None else str(told.replaces_order_id),
        replaced_by=None if told.replacing_order_id is None else str(told.replacing_order_id),
    )


def ledger_entry(told: Transaction) -> LedgerEntry:
    """A transaction. Costs lose the sign the SDK gives them; a side we have no word for stays out."""
    costs = (told.clearing_fees, told.regulatory_fees, told.proprietary_index_option_fees, told.other_charge)
    action = None if told.action is None else told.action.value
    return LedgerEntry(
        broker_id=str(told.id),
        kind=told.transaction_type,
        sub_kind=told.transaction_sub_type,
        description=told.description,
        executed_at=aware(told.executed_at),
        day=told.transaction_date,
        value=told.value,
        net_value=told.net_value,
        commission=-(told.commission or ZERO),
        fees=-sum((cost for cost in costs if cost is not None), ZERO),
        symbol=told.symbol,
        underlying=told.underlying_symbol,
        instrument=None if told.instrument_type is None else told.instrument_type.value,
        action=Action(action) if action in set(Action) else None,
        quantity=told.quantity,
        price=told.price,
        broker_order_id=None if told.order_id is None else str(told.order_id),
    )


def order_alert(text: str) -> BrokerOrder | None:
    """The order of an alert as it came over the socket; None when it is about something else.

    Raises:
        UsageProblem: ``E_BROKER_ANSWER`` when it is an order that cannot be read.
    """
    try:
        message = orjson.loads(text)
        if message["type"] != "Order":
            return None
        told = PlacedOrder(**message["data"])
        return broker_order(told, order_id=str(told.id))
    except (ValueError, TypeError, KeyError, ArithmeticError, Unreadable) as problem:
        raise UsageProblem(
            "E_BROKER_ANSWER",
            f"An account alert could not be read ({type(problem).__name__}); its raw text is kept, and the "
            "order is read over REST instead.",
        ) from problem


def orders_of(text: str, *, alert: bool, seen: dict[str, BrokerOrder]) -> tuple[BrokerOrder, ...]:
    """Every order in a raw alert, or in the raw answer to a call; ``seen`` are those already read, by their text.

    Raises:
        UsageProblem: ``E_BROKER_ANSWER`` when there is one that cannot be read.
    """
    try:
        message = orjson.loads(text)
        if alert and message["type"] != "Order":
            return ()
        data = message["data"]
        listed = data["items"] if "items" in data else [data.get("order", data)]
        return tuple([_once(each, seen) for each in listed])
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, Unreadable) as problem:
        raise UsageProblem(
            "E_BROKER_ANSWER", f"A raw message could not be read again ({type(problem).__name__})."
        ) from problem


def _once(told: dict[str, Any], seen: dict[str, BrokerOrder]) -> BrokerOrder:
    key = orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()
    if key not in seen:
        placed = PlacedOrder(**told)
        seen[key] = broker_order(placed, order_id=str(placed.id))
    return seen[key]


def dry_run(told: PlacedOrderResponse[UnplacedOrder]) -> DryRun:
    """What the broker says an order would do."""
    effect = told.buying_power_effect
    fees = None if told.fee_calculation is None else -told.fee_calculation.total_fees
    return DryRun(
        buying_power_change=effect.change_in_buying_power,
        new_buying_power=effect.new_buying_power,
        margin_requirement=abs(effect.isolated_order_margin_requirement),
        fees=fees,
        warnings=tuple(str(warning) for warning in told.warnings or ()),
    )


def limit_order(ticket: Ticket) -> LimitOrder:
    """The order to send. Signs need no turning: the SDK's positive is a credit too."""
    instructions = AdvancedInstructions(strict_position_effect_validation=True)
    return LimitOrder(
        time_in_force=OrderTimeInForce(ticket.time_in_force.value),
        legs=[
            SdkLeg(
                instrument_type=SdkInstrument(leg.instrument.value),
                symbol=leg.symbol,
                action=OrderAction(leg.action.value),
                quantity=leg.quantity,
            )
            for leg in ticket.legs
        ],
        price=ticket.limit_price,
        external_identifier=ticket.external_identifier,
        advanced_instructions=instructions if ticket.strict_position_effect else None,
    )


def option_chain(underlying: str, told: Sequence[NestedOptionChain]) -> OptionChain:
    """The standard contracts of all roots. Contracts adjusted by a corporate action are left out."""
    standard = [chain for chain in told if chain.option_chain_type == "Standard"]
    ticks = [tick.value for chain in standard for tick in chain.tick_sizes]
    if not ticks:
        raise Unreadable(f"an option chain of {underlying} without contracts or tick sizes")
    expirations = [
        Expiration(
            day=expiration.expiration_date,
            monthly=expiration.expiration_type == "Regular",
            settlement=expiration.settlement_type,
            strikes=tuple(
                sorted(
                    (
                        Strike(
                            strike.strike_price,
                            Contract(strike.call, strike.call_streamer_symbol),
                            Contract(strike.put, strike.put_streamer_symbol),
                        )
                        for strike in expiration.strikes
                    ),
                    key=lambda strike: strike.price,
                )
            ),
        )
        for chain in standard
        for expiration in chain.expirations
    ]
    expirations.sort(key=lambda expiration: expiration.day)
    return OptionChain(underlying, tuple(expirations), min(ticks))


def metrics(told: MarketMetricInfo) -> Metrics:
    """Market metrics in percent. Ranks come as fractions, volatilities of 30 days as percent."""
    return Metrics(
        symbol=told.symbol,
        iv_rank=_percent(told.implied_volatility_index_rank, "IV rank"),
        iv_percentile=_percent(told.implied_volatility_percentile, "IV percentile"),
        iv30=given(told.implied_volatility_30_day, "30-day IV"),
        hv30=given(told.historical_volatility_30_day, "30-day HV"),
        beta=given(told.beta, "beta"),
        earnings=None if told.earnings is None else told.earnings.expected_report_date,
        ex_dividend=told.dividend_ex_date,
        updated_at=aware(told.updated_at),
    )


def candles(told: Iterable[SdkCandle], *, before: date) -> tuple[Candle, ...]:
    """Daily bars of sessions before ``before``, ascending; the last word on a day wins."""
    bars: dict[date, Candle] = {}
    for candle in told:
        day = _session_day(candle.time)
        if candle.remove or candle.close <= 0:
            bars.pop(day, None)
        elif day < before:
            volume = candle.volume if candle.volume is not None else Decimal(0)
            bars[day] = Candle(day, candle.open, candle.high, candle.low, candle.close, volume)
    return tuple(bars[day] for day in sorted(bars))


def aware(instant: datetime) -> datetime:
    """The instant in UTC; the broker's naive times are UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _session_day(milliseconds: int) -> date:
    """The session a daily bar stands for: daily bars are stamped at midnight UTC of their date."""
    instant = datetime.fromtimestamp(milliseconds / 1000, UTC)
    if instant.hour == instant.minute == 0:
        return instant.date()
    return instant.astimezone(_NEW_YORK).date()


def _leg(leg: SdkLeg) -> BrokerLeg:
    try:
        action = Action(leg.action.value)
    except ValueError:
        raise Unreadable(f"the leg action {leg.action.value!r}") from None
    return BrokerLeg(
        symbol=leg.symbol,
        action=action,
        quantity=_whole(leg.quantity, "a leg's quantity"),
        fills=tuple(
            BrokerFill(
                fill.fill_id,
                _whole(fill.quantity, "a fill's quantity"),
                fill.fill_price,
                aware(fill.filled_at),
            )
            for fill in leg.fills or ()
        ),
    )


def _instrument(name: str) -> InstrumentType:
    try:
        return InstrumentType(name)
    except ValueError:
        raise Unreadable(f"the instrument type {name!r}") from None


def _whole(number: Decimal | int | None, what: str) -> int:
    if number is None or number != int(number):
        raise Unreadable(f"{what} of {number}")
    return int(number)


def _percent(fraction: str | None, what: str) -> Decimal | Unknown:
    try:
        return Unknown(f"the broker gives no {what}") if fraction is None else Decimal(fraction) * _HUNDRED
    except InvalidOperation:
        return Unknown(f"the broker's {what} is {fraction!r}")


def given(number: Decimal | None, what: str) -> Decimal | Unknown:
    """The number, or that the broker does not give it."""
    return Unknown(f"the broker gives no {what}") if number is None else number


def activity(told: MarketData | None) -> Activity:
    """What is open and has traded of an option; what the broker does not give is not known."""
    return Activity(*(_contracts(told, name) for name in ("open_interest", "volume")))


def _contracts(told: MarketData | None, name: str) -> int | Unknown:
    count: Decimal | None = None if told is None else getattr(told, name)
    if count is None or not count.is_finite() or count < 0:
        return Unknown(f"the broker gives no {name.replace('_', ' ')}")
    return int(count)
