"""How this daemon logs in at the broker: by the settings, or by what `senex account connect` kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.broker.session import BrokerAccess
from senex.domain.errors import UsageProblem
from senex.store.logins import Login, keep_login, kept_login
from senex.store.vault import Vault

if TYPE_CHECKING:
    from senex.config import DaemonSettings


def broker_access(settings: DaemonSettings) -> BrokerAccess:
    """The login; a token that was given is kept, sealed, where there are keys to seal it with. Blocks.

    Raises:
        UsageProblem: ``E_CONFIG_MISSING`` without any login, ``E_ENCRYPTION_KEY`` with a wrong key.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    login = _login(settings)
    if login is None or login.client_secret is None:
        what = "REFRESH_TOKEN" if login is None else "CLIENT_SECRET"
        raise UsageProblem(
            "E_CONFIG_MISSING",
            f"SENEX_BROKER_{what} is not set and none is kept in the database; run `senex account connect`, which "
            "keeps it encrypted.",
        )
    return access_by(settings, login.client_secret, login.refresh_token)


def access_by(settings: DaemonSettings, client_secret: str, refresh_token: str) -> BrokerAccess:
    """The broker of these settings by another login than theirs."""
    return BrokerAccess(
        environment=settings.environment,
        client_secret=client_secret,
        refresh_token=refresh_token,
        rest_url=settings.broker_rest_url,
        alerts_url=settings.broker_alerts_url,
    )


def vault_of(settings: DaemonSettings) -> Vault | None:
    """What seals and opens with the keys of the settings. Raises UsageProblem (``E_ENCRYPTION_KEY``)."""
    keys = settings.encryption_keys
    return None if keys is None else Vault(keys.get_secret_value())


def _login(settings: DaemonSettings) -> Login | None:
    vault = vault_of(settings)
    secret, token = (
        None if one is None else one.get_secret_value()
        for one in (settings.broker_client_secret, settings.broker_refresh_token)
    )
    if token is not None:
        given = Login(token, secret)
        if vault is not None:
            keep_login(settings.direct_url, settings.environment, given, vault)
        if secret is not None:
            return given
    kept = None if vault is None else kept_login(settings.direct_url, settings.environment, vault)
    if kept is None:
        return None if token is None else Login(token, secret)
    return Login(token or kept.refresh_token, secret or kept.client_secret)
