"""The broker's token at rest."""

from __future__ import annotations

import psycopg
import pytest
from cryptography.fernet import Fernet

from senex.domain.errors import UsageProblem
from senex.store.logins import Login, keep_login, kept_login, reseal
from senex.store.vault import Vault


def _key() -> str:
    return Fernet.generate_key().decode()


def test_a_login_is_kept_sealed_and_read_again(database_url: str) -> None:
    vault, login = Vault(_key()), Login("canary-token", "canary-secret")
    assert kept_login(database_url, "live", vault) is None
    keep_login(database_url, "live", login, vault)
    assert kept_login(database_url, "live", vault) == login
    assert "canary" not in repr(login)
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT client_secret, refresh_token FROM broker_login").fetchone()
    assert row is not None
    assert not [sealed for sealed in row if b"canary" in bytes(sealed)]


def test_a_token_alone_leaves_the_secret_that_is_kept(database_url: str) -> None:
    vault = Vault(_key())
    keep_login(database_url, "live", Login("old", "secret"), vault)
    keep_login(database_url, "live", Login("new"), vault)
    assert kept_login(database_url, "live", vault) == Login("new", "secret")


def test_keys_rotate_and_what_is_kept_is_sealed_anew(database_url: str) -> None:
    old, new, login = _key(), _key(), Login("t", "s")
    keep_login(database_url, "live", login, Vault(old))
    keep_login(database_url, "sandbox", Login("t2"), Vault(old))
    both = Vault(f"{new},{old}")
    assert kept_login(database_url, "live", both) == login
    assert reseal(database_url, both) == 2
    assert kept_login(database_url, "live", Vault(new)) == login
    with pytest.raises(UsageProblem):
        kept_login(database_url, "live", Vault(old))


def test_a_wrong_key_seals_nothing_anew(database_url: str) -> None:
    right = Vault(_key())
    keep_login(database_url, "live", Login("t"), right)
    with pytest.raises(UsageProblem) as problem:
        reseal(database_url, Vault(_key()))
    assert problem.value.code == "E_ENCRYPTION_KEY"
    assert kept_login(database_url, "live", right) == Login("t")


def test_a_wrong_key_is_said_and_overwrites_nothing(database_url: str) -> None:
    right = Vault(_key())
    keep_login(database_url, "live", Login("t"), right)
    with pytest.raises(UsageProblem) as problem:
        keep_login(database_url, "live", Login("other"), Vault(_key()))
    assert problem.value.code == "E_ENCRYPTION_KEY"
    assert kept_login(database_url, "live", right) == Login("t")


def test_what_is_no_key_is_said() -> None:
    with pytest.raises(UsageProblem, match="Fernet"):
        Vault("short")
