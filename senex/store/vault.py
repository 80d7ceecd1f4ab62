"""Secrets at rest: sealed with a list of Fernet keys, newest first, so that keys can be rotated."""

from __future__ import annotations

import logging

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from senex.domain.errors import UsageProblem

_security = logging.getLogger("senex.security")


class Vault:
    """Seals with the first key, opens with any."""

    def __init__(self, keys: str) -> None:
        """Take comma-separated Fernet keys.

        Raises:
            UsageProblem: ``E_ENCRYPTION_KEY`` when one of them is not a key.
        """
        try:
            self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])
        except ValueError:
            raise UsageProblem(
                "E_ENCRYPTION_KEY",
                "SENEX_ENCRYPTION_KEYS holds what is no Fernet key (44 characters, base64); correct it.",
            ) from None

    def seal(self, secret: str) -> bytes:
        """What may be stored."""
        _security.info("the encryption keys sealed a secret")
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """The secret again.

        Raises:
            UsageProblem: ``E_ENCRYPTION_KEY`` when none of the keys sealed it.
        """
        try:
            secret = self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            _security.error("none of the encryption keys opened a kept secret")
            raise UsageProblem(
                "E_ENCRYPTION_KEY",
                "None of SENEX_ENCRYPTION_KEYS opens what the database keeps; give the keys it was sealed with. "
                "Nothing was overwritten.",
            ) from None
        _security.info("the encryption keys opened a kept secret")
        return secret
