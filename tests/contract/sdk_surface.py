"""Every public read of the SDK, found by looking at it, and what it may see in a reply."""

from __future__ import annotations

import inspect
import json
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import tastytrade.account
import tastytrade.instruments
import tastytrade.market_data
import tastytrade.market_sessions
import tastytrade.metrics
import tastytrade.search
import tastytrade.session
import tastytrade.watchlists
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

_MODULES = (
    tastytrade.account,
    tastytrade.instruments,
    tastytrade.market_data,
    tastytrade.market_sessions,
    tastytrade.metrics,
    tastytrade.search,
    tastytrade.session,
    tastytrade.watchlists,
)
_WRITES = ("place_", "replace_", "delete_", "upload", "update", "remove", "refresh")
KNOWN_TO_THE_BROKER = frozenset({"currency", "is-trading-halted"})
"""Keys that the broker sends and the SDK ignores. So are ``-effect`` keys beside an amount."""


def public_reads() -> set[str]:
    """The SDK's public coroutines that change nothing, as ``Class.method`` or ``function``."""
    found = set()
    for module in _MODULES:
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", "") != module.__name__ or name.startswith("_"):
                continue
            if inspect.iscoroutinefunction(thing):
                found.add(name)
            elif inspect.isclass(thing):
                found |= {f"{name}.{method}" for method in _coroutines(thing)}
    return found


def _coroutines(known: type) -> Iterator[str]:
    for name, thing in inspect.getmembers(known, inspect.iscoroutinefunction):
        if not name.startswith(("_", *_WRITES)) and thing.__qualname__.split(".")[0] == known.__name__:
            yield name


class Replies:
    """The JSON of a session's last reply."""

    def __init__(self, session: tastytrade.session.Session) -> None:
        self.last: Any = None
        session._client.event_hooks["response"].append(self._keep)

    async def _keep(self, response: httpx2.Response) -> None:
        if response.request.url.path != "/oauth/token":
            self.last = json.loads(await response.aread())

    @property
    def objects(self) -> list[Any]:
        """The reply's items, or its one object."""
        data = self.last["data"]
        items = data["items"] if set(data) == {"items"} else [data]
        return [item["account"] if set(item) == {"account", "authority-level"} else item for item in items]


def strangers(model: Any, content: Any, where: str = "") -> Iterator[str]:
    """The keys of a reply that neither the model nor the broker's documents know."""
    if isinstance(content, list):
        for one in content:
            yield from strangers(model, one, where)
        return
    known = _model_of(model)
    if known is None or not isinstance(content, dict):
        return
    fields = {field.alias or name: field.annotation for name, field in known.model_fields.items()}
    for key, value in content.items():
        path = f"{where}.{key}"
        if key in fields:
            yield from strangers(fields[key], value, path)
        elif key not in KNOWN_TO_THE_BROKER and not _effect_of_an_amount(key, content):
            yield path


def _effect_of_an_amount(key: str, content: dict[str, Any]) -> bool:
    return key.endswith("-effect") and key.removesuffix("-effect") in content


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as ``list[Model] | None``."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {list, Union, UnionType}:
        return next((known for one in get_args(annotation) if (known := _model_of(one)) is not None), None)
    return None
