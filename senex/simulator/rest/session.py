"""OAuth, the customer, quote tokens."""

from __future__ import annotations

import hmac

from aiohttp import web

from senex.simulator import wire
from senex.simulator.services import labelled, services
from senex.simulator.tokens import ACCESS_SECONDS, QUOTE_SECONDS

routes = web.RouteTableDef()
_ADDRESS = {
    "city": "New York",
    "country": "USA",
    "is-domestic": True,
    "is-foreign": False,
    "postal-code": "10001",
    "state-region": "NY",
    "street-one": "1 Simulator Street",
}


@routes.post("/oauth/token")
@labelled("token")
async def token(request: web.Request) -> web.Response:
    """Exchange the refresh token for an access token."""
    body = await (request.post() if "form" in request.content_type else request.json())
    tokens = services(request).tokens
    secret, refresh = str(body.get("client_secret", "")), str(body.get("refresh_token", ""))
    if body.get("grant_type") != "refresh_token":
        return _refused(400, "unsupported_grant_type", "Only refresh_token is supported")
    if not hmac.compare_digest(secret.encode(), tokens.client_secret.encode()):
        return _refused(401, "invalid_client", "Client authentication failed")
    if not hmac.compare_digest(refresh.encode(), tokens.refresh_token.encode()):
        return _refused(400, "invalid_grant", "Grant revoked")
    access = tokens.issue("access", ACCESS_SECONDS)
    return wire.reply({"access_token": access, "token_type": "Bearer", "expires_in": ACCESS_SECONDS})


def _refused(status: int, code: str, description: str) -> web.Response:
    return wire.reply({"error_code": code, "error_description": description}, status)


@routes.post("/sessions/validate")
@labelled("validate")
async def validate(request: web.Request) -> web.Response:
    """Say that the token is good; a bad one never gets here."""
    del request
    return wire.data({"username": "simulator", "external-id": "U0000000001"}, 201)


@routes.get("/customers/me")
@labelled("customer")
async def customer(request: web.Request) -> web.Response:
    """The one customer."""
    accounts = services(request).exchange.books.accounts.values()
    created = min(account.opened_at for account in accounts)
    return wire.data(
        {
            "id": "me",
            "first-name": "Simulated",
            "last-name": "Trader",
            "address": _ADDRESS,
            "mailing-address": _ADDRESS,
            "is-foreign": False,
            "usa-citizenship-type": "Citizen",
            "mobile-phone-number": "+12125550100",
            "birth-date": "1980-01-01",
            "email": "trader@simulator.invalid",
            "tax-number-type": "SSN",
            "subject-to-tax-withholding": False,
            "has-industry-affiliation": False,
            "has-listed-affiliation": False,
            "has-political-affiliation": False,
            "has-delayed-quotes": False,
            "has-pending-or-approved-application": False,
            "is-professional": False,
            "permitted-account-types": [
                {
                    "name": "Individual",
                    "description": "Individual",
                    "is-tax-advantaged": False,
                    "is-publicly-available": True,
                    "has-multiple-owners": False,
                    "margin-types": [{"name": "Reg T", "is-margin": True}],
                }
            ],
            "created-at": wire.stamp(created),
        }
    )


@routes.get("/api-quote-tokens")
@labelled("quote-token")
async def quote_token(request: web.Request) -> web.Response:
    """Where to stream from, and with which token."""
    issued = services(request).tokens.issue("quote", QUOTE_SECONDS)
    return wire.data({"token": issued, "dxlink-url": f"ws://{request.host}/dxlink", "level": "api"})
