"""One POST or PUT of an order, and what can be said of it afterwards.

Definite are: refused before a byte, a login that failed, and 400, 401, 403,
404, 422, 429 with the broker's own error in the body. All else is ambiguous:
the order may live, and only reconciliation may say (RELIABILITY 5).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tastytrade import Account

from senex.broker import mapping
from senex.broker.errors import (
    DEFINITE_STATUSES,
    WIRE_ERRORS,
    TokenRefused,
    broker_errors,
    refused_before_a_byte,
)
from senex.broker.recorder import TooLate, hand_over, logged_call
from senex.domain.errors import SenexError
from senex.ports.broker import Accepted, Ambiguous, RefusedByBroker

if TYPE_CHECKING:
    from tastytrade.order import PlacedOrder

    from senex.broker.recorder import CallLog, Exchange, Recorder
    from senex.broker.session import BrokerSession
    from senex.ports.broker import Submission, Ticket

DEADLINE = 10.0
"""Seconds for the whole of it, the login included."""


def sdk_account(number: str) -> Account:
    """The number is all the SDK needs of an account to ask about it; reading the rest would cost a call."""
    return Account.model_construct(account_number=number)  # type: ignore[call-arg]


async def send_once(
    session: BrokerSession,
    ticket: Ticket,
    *,
    instead_of: int | None = None,
    recorder: Recorder,
    first_byte_by: float | None,
    deadline: float = DEADLINE,
) -> Submission:
    """POST the ticket once, or PUT it in the place of the order ``instead_of``, and say what is known."""
    request = _request(ticket, instead_of)
    with logged_call(ticket.external_identifier, first_byte_by=first_byte_by) as log:
        try:
            async with asyncio.timeout(deadline):
                outcome = await _send(session, ticket, instead_of)
        except TooLate:
            outcome = RefusedByBroker(
                "E_TOO_LATE",
                "The order was not sent: too much time had passed since it was released.",
                retriable=False,
            )
        except WIRE_ERRORS as problem:
            outcome = _failed(problem, request, log)
        except TokenRefused as problem:
            outcome = RefusedByBroker(problem.code, problem.message, retriable=False)
        except SenexError as problem:
            outcome = Ambiguous(problem.message)
    if isinstance(outcome, RefusedByBroker) and outcome.retriable and outcome.code == "E_BROKER_TOKEN":
        session.doubt()
    await hand_over(log, recorder)
    return outcome


def _request(ticket: Ticket, instead_of: int | None) -> tuple[str, str]:
    """Method and path of the one request."""
    path = f"/accounts/{ticket.account_number}/orders"
    return ("POST", path) if instead_of is None else ("PUT", f"{path}/{instead_of}")


async def _send(session: BrokerSession, ticket: Ticket, instead_of: int | None) -> Submission:
    await session.refresh()
    account = sdk_account(ticket.account_number)
    sent = mapping.limit_order(ticket)
    if instead_of is None:
        told: PlacedOrder = (await account.place_order(session, sent, dry_run=False)).order
    else:
        told = await account.replace_order(session, instead_of, sent)
    order = mapping.broker_order(told, order_id=str(told.id))
    # a broker that keeps the old name of what it replaces says all the same whose place it takes
    named = order.external_identifier == ticket.external_identifier or (
        instead_of is not None and order.replaces == str(instead_of)
    )
    if not named or order.account_number != ticket.account_number:
        return Ambiguous(f"the answer names order {order.id}, which is not the one that was sent")
    return Accepted(order)


def _refused(answer: Exchange) -> Submission:
    reasons = broker_errors(answer.body)
    if answer.status not in DEFINITE_STATUSES or not reasons:
        return Ambiguous(f"the broker answered HTTP {answer.status} with what says neither yes nor no")
    code = {401: "E_BROKER_TOKEN", 403: "E_BROKER_TOKEN", 429: "E_BROKER_BUSY"}.get(
        answer.status, "E_BROKER_PREFLIGHT" if answer.status == 422 else "E_BROKER_REQUEST"
    )
    return RefusedByBroker(code, "; ".join(reasons), retriable=answer.status in {401, 429})


def _failed(problem: Exception, request: tuple[str, str], log: CallLog) -> Submission:
    if not log.was_sent(*request):
        # only the token call can have failed: the order's own request was never begun
        return RefusedByBroker(
            "E_BROKER_AWAY", f"The session could not be renewed ({type(problem).__name__}).", retriable=False
        )
    if refused_before_a_byte(problem):
        return RefusedByBroker(
            "E_BROKER_AWAY", f"The broker could not be reached ({type(problem).__name__}).", retriable=False
        )
    answer = log.answer(*request)
    if answer is not None:
        return _refused(answer)
    return Ambiguous(f"no answer came ({type(problem).__name__})")
