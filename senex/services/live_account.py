"""LIVE opens positions in the accounts its settings name, and in no other of the login's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.errors import Refused
from senex.services.operators import LIVE

if TYPE_CHECKING:
    from senex.ports.records import Account
    from senex.services.context import Context


def check_live_account(context: Context, account: Account) -> None:
    """In LIVE an entry is for a named account; everywhere else for any.

    Raises:
        Refused: ``E_LIVE_ACCOUNT``, saying what to set.
    """
    if context.environment != LIVE or account.number in context.live_accounts:
        return
    raise Refused(
        "E_LIVE_ACCOUNT",
        f"LIVE opens nothing in {account.number}: SENEX_LIVE_ACCOUNT does not name it. Set it to the number of the "
        "account you mean, and start the daemon again.",
    )
