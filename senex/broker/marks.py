"""A mark at the broker: the one thing of a login, besides orders, that another deployment can read.

It is a private watchlist whose group names the deployment; its one symbol is there for brokers
that keep no empty list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tastytrade.order import InstrumentType
from tastytrade.watchlists import PrivateWatchlist

if TYPE_CHECKING:
    from senex.broker.session import BrokerSession

_GROUP = "senex deployment "


async def read_mark(session: BrokerSession, name: str) -> UUID | None:
    """Whom the mark names; None where there is none, or somebody else uses the list."""
    lists = await PrivateWatchlist.get(session)
    group = next((each.group_name for each in lists if each.name == name), "")
    try:
        return UUID(hex=group.removeprefix(_GROUP)) if group.startswith(_GROUP) else None
    except ValueError:
        return None


async def write_mark(session: BrokerSession, name: str, deployment: UUID) -> None:
    """Have the mark name the deployment."""
    known = {each.name for each in await PrivateWatchlist.get(session)}
    mark = PrivateWatchlist(name=name, group_name=f"{_GROUP}{deployment.hex}")
    mark.add_symbol("SPY", InstrumentType.EQUITY)
    await (mark.update(session) if name in known else mark.upload(session))
