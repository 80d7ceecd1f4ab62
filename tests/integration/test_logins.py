"""The broker's token at rest."""

from __future__ import annotations

import psycopg
import pytest
from cryptography.fernet import Fernet

from senex.domain.errors import UsageProblem
from senex.store.logins import keep_token, kept_token
from senex.store.vault import Vault


def _key() -> str:
    return Fernet.generate_key().decode()


def test_a_token_is_kept_sealed_and_read_again(database_url: str) -> None:
    vault = Vault(_key())
    assert kept_token(database_url, "live", vault) is None
    keep_token(database_url, "live", "canary-token", vault)
    assert kept_token(database_url, "live", vault) == "canary-token"
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT refresh_token FROM broker_login").fetchone()
    assert row is not None
    assert b"canary" not in bytes(row[0])


def test_keys_rotate(database_url: str) -> None:
    old, new = _key(), _key()
    keep_token(database_url, "live", "t", Vault(old))
    assert kept_token(database_url, "live", Vault(f"{new},{old}")) == "t"


def test_a_wrong_key_is_said_and_overwrites_nothing(database_url: str) -> None:
    right = Vault(_key())
    keep_token(database_url, "live", "t", right)
    with pytest.raises(UsageProblem) as problem:
        keep_token(database_url, "live", "other", Vault(_key()))
    assert problem.value.code == "E_ENCRYPTION_KEY"
    assert kept_token(database_url, "live", right) == "t"


def test_what_is_no_key_is_said() -> None:
    with pytest.raises(UsageProblem, match="Fernet"):
        Vault("short")
