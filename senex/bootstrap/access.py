"""How this daemon logs in at the broker, the token from the settings or from where it was kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.broker.session import BrokerAccess
from senex.domain.errors import UsageProblem
from senex.store.logins import keep_token, kept_token
from senex.store.vault import Vault

if TYPE_CHECKING:
    from senex.config import DaemonSettings


def broker_access(settings: DaemonSettings) -> BrokerAccess:
    """The login; a token that was given is kept, sealed, where there are keys to seal it with. Blocks.

    Raises:
        UsageProblem: ``E_CONFIG_MISSING`` without any token, ``E_ENCRYPTION_KEY`` with a wrong key.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    return BrokerAccess(
        environment=settings.environment,
        client_secret=settings.broker_client_secret.get_secret_value(),
        refresh_token=_refresh_token(settings),
        rest_url=settings.broker_rest_url,
        alerts_url=settings.broker_alerts_url,
    )


def _refresh_token(settings: DaemonSettings) -> str:
    given = settings.broker_refresh_token
    keys = settings.encryption_keys
    vault = None if keys is None else Vault(keys.get_secret_value())
    if given is not None:
        if vault is not None:
            keep_token(settings.direct_url, settings.environment, given.get_secret_value(), vault)
        return given.get_secret_value()
    kept = None if vault is None else kept_token(settings.direct_url, settings.environment, vault)
    if kept is None:
        raise UsageProblem(
            "E_CONFIG_MISSING",
            "SENEX_BROKER_REFRESH_TOKEN is not set and none is kept in the database; set it once, together with "
            "SENEX_ENCRYPTION_KEYS to keep it.",
        )
    return kept
