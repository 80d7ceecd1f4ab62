"""Watchlists: private, public, pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from senex.simulator import wire
from senex.simulator.services import labelled, services
from senex.simulator.watchlists import pairs, public

if TYPE_CHECKING:
    from collections.abc import Iterable

routes = web.RouteTableDef()


@routes.get("/watchlists")
@labelled("watchlists")
async def private_lists(request: web.Request) -> web.Response:
    """The operator's lists."""
    return wire.items(services(request).watchlists)


@routes.post("/watchlists")
@labelled("watchlists")
async def create(request: web.Request) -> web.Response:
    """Make a list."""
    content = _content(await request.json())
    known = services(request).watchlists
    if known.get(str(content["name"])) is not None:
        return _exists(content)
    known.put(content)
    return wire.data(content, 201)


@routes.get("/watchlists/{name}")
@labelled("watchlists")
async def private_list(request: web.Request) -> web.Response:
    """One of the operator's lists."""
    return _found(services(request).watchlists, request)


@routes.put("/watchlists/{name}")
@labelled("watchlists")
async def change(request: web.Request) -> web.Response:
    """Put another content, or another name, in a list's place."""
    name, known = request.match_info["name"], services(request).watchlists
    if known.get(name) is None:
        return wire.not_found(f"watchlist {name}")
    content = _content(await request.json())
    if content["name"] != name and known.get(str(content["name"])) is not None:
        return _exists(content)
    known.put(content, instead_of=name)
    return wire.data(content)


@routes.delete("/watchlists/{name}")
@labelled("watchlists")
async def remove(request: web.Request) -> web.Response:
    """Forget a list."""
    name, known = request.match_info["name"], services(request).watchlists
    if known.get(name) is None:
        return wire.not_found(f"watchlist {name}")
    known.remove(name)
    return web.Response(status=204)


@routes.get("/public-watchlists")
@labelled("watchlists")
async def public_lists(request: web.Request) -> web.Response:
    """The public lists; with ``counts-only`` without their entries."""
    lists = public(services(request).exchange)
    if wire.flag(request.query, "counts-only"):
        for one in lists:
            del one["watchlist-entries"]
    return wire.items(lists)


@routes.get("/public-watchlists/{name}")
@labelled("watchlists")
async def public_list(request: web.Request) -> web.Response:
    """One public list."""
    return _found(public(services(request).exchange), request)


@routes.get("/pairs-watchlists")
@labelled("watchlists")
async def pairs_lists(request: web.Request) -> web.Response:
    """The lists of pairs."""
    del request
    return wire.items(pairs())


@routes.get("/pairs-watchlists/{name}")
@labelled("watchlists")
async def pairs_list(request: web.Request) -> web.Response:
    """One list of pairs."""
    return _found(pairs(), request)


def _exists(content: wire.Json) -> web.Response:
    return wire.error(422, "record_already_exists", f"There is a watchlist {content['name']}")


def _found(lists: Iterable[wire.Json], request: web.Request) -> web.Response:
    name = request.match_info["name"]
    known = next((one for one in lists if one["name"] == name), None)
    return wire.not_found(f"watchlist {name}") if known is None else wire.data(known)


def _content(body: Any) -> wire.Json:
    """A list from a request, checked.

    Raises:
        Invalid: what is missing or wrong.
    """
    if not isinstance(body, dict) or not isinstance(body.get("name"), str) or not body["name"]:
        raise wire.Invalid("name", "is missing")
    entries = body.get("watchlist-entries") or []
    if not isinstance(entries, list) or not all(
        isinstance(one, dict) and one.get("symbol") for one in entries
    ):
        raise wire.Invalid("watchlist-entries")
    order = body.get("order-index", 9999)
    if not isinstance(order, int):
        raise wire.Invalid("order-index")
    return {
        "name": body["name"],
        "watchlist-entries": [
            {"symbol": str(one["symbol"]), "instrument-type": str(one.get("instrument-type", "Equity"))}
            for one in entries
        ],
        "group-name": str(body.get("group-name") or "default"),
        "order-index": order,
    }
