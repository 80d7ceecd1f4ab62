"""Files sealed with a key: AES-256-GCM by chunks, so that a file of any size is sealed and checked in one pass.

Each chunk is sealed with a nonce that counts and says whether it is the last one (the STREAM
construction), so that chunks cannot be left out, put elsewhere or cut off. The key of a file comes
from the backup key, or from a passphrase by scrypt, and a salt of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

SUFFIX = ".sealed"
_BY_KEY, _BY_PASSPHRASE = b"senex sealed 1\n", b"senex escrow 1\n"
_SALT, _CHUNK, _TAG = 16, 1 << 20, 16
_MEMORY = 1 << 15


def seal(source: BinaryIO, target: BinaryIO, secret: str, *, passphrase: bool = False) -> None:
    """Write ``source`` to ``target``, sealed."""
    head, salt = _BY_PASSPHRASE if passphrase else _BY_KEY, os.urandom(_SALT)
    target.write(head + salt)
    cipher = AESGCM(_key(secret, salt, passphrase=passphrase))
    number, chunk = 0, source.read(_CHUNK)
    while True:
        following = source.read(_CHUNK)
        target.write(cipher.encrypt(_nonce(number, last=not following), chunk, head))
        if not following:
            return
        number, chunk = number + 1, following


def unseal(source: BinaryIO, secret: str) -> Iterator[bytes]:
    """The chunks of what was sealed.

    Raises:
        UsageProblem: ``E_BACKUP_KEY`` when the key is another one, or the file is not whole.
    """
    head, salt = source.read(len(_BY_KEY)), source.read(_SALT)
    if head not in (_BY_KEY, _BY_PASSPHRASE):
        raise _wrong("it is no file sealed by senex")
    cipher = AESGCM(_key(secret, salt, passphrase=head == _BY_PASSPHRASE))
    number, chunk = 0, source.read(_CHUNK + _TAG)
    while True:
        following = source.read(_CHUNK + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), chunk, head)
        except InvalidTag:
            raise _wrong("the key is another one, or the file is not whole") from None
        if not following:
            return
        number, chunk = number + 1, following


def _key(secret: str, salt: bytes, *, passphrase: bool) -> bytes:
    if passphrase:
        return Scrypt(salt=salt, length=32, n=_MEMORY, r=8, p=1).derive(secret.encode())
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"senex backup").derive(secret.encode())


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + (b"\x01" if last else b"\x00")


def _wrong(why: str) -> UsageProblem:
    return UsageProblem(
        "E_BACKUP_KEY",
        f"A sealed file cannot be opened: {why}. Give the key or passphrase it was sealed with.",
    )
