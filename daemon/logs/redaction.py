"""The one place where secrets are taken out of what is logged.

Three nets, one under the other: the secrets this process was given, wherever they
stand; values under names of secrets, in the event or in text quoted from elsewhere;
and what has the form of a token, an account number, a card or a social security number.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from structlog.typing import EventDict, WrappedLogger

MASK = "***"
_SHORTEST = 6
"""Letters below which a given secret is not looked for: it would strike out words."""
_NAMES = (
    r"secret|password|passwd|passphrase|token|authori[sz]ation|encryption|credential|cookie|api.?key"
    r"|verifier|account.?number"
)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_HINTS = (
    "secret", "passw", "passphrase", "token", "authori", "encryption", "credential", "cookie", "api", "verifier",
    "account",
)  # fmt: skip
"""One of them, in lower case, is in every name above: most texts have none, and are spared the search."""
_FORMS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # a URL's password; its user stays
    (("://",), re.compile(r"(://[^:/@\s]*:)[^@/\s]+@"), rf"\1{MASK}@"),
    # the value under a secret's name, as JSON (escaped or not), as a Python literal, as key=value
    (
        _HINTS,
        re.compile(
            rf"""((?:{_NAMES})[\w-]*\\?["']?\s*[:=]\s*)(\\?["'])(?:\\\\|(?!\2)[^\n])*?\2""", re.IGNORECASE
        ),
        rf"\1\2{MASK}\2",
    ),
    (_HINTS, re.compile(rf"""((?:{_NAMES})[\w-]*=)[^\s"',;&*]+""", re.IGNORECASE), rf"\1{MASK}"),
    (("bearer", "basic"), re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    # JSON web tokens, and the simulator's
    (("eyj",), re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+){0,2}"), MASK),
    (("access.", "quote."), re.compile(r"\b(?:access|quote)\.\d+\.\d+\.[0-9a-f]{16,}"), MASK),
    # Fernet: sealed values, and keys (44 characters of base64 that end so)
    (("gaaaaa",), re.compile(r"\bgAAAAA[\w-]{20,}=*"), MASK),
    (("=",), re.compile(r"(?<![\w/+-])[\w-]{43}=(?![\w=])"), MASK),
    # account numbers, in the broker's paths and anywhere; cards; social security numbers
    (("/accounts/",), re.compile(r"(/accounts/)[^/\s?\"']+"), rf"\1{MASK}"),
    (("",), re.compile(r"(?<!\w)\d[A-Z]{2}\d{5,10}(?!\w)"), MASK),
    (("",), re.compile(r"(?<![\w.-])\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?![\w.-])"), MASK),
    (("-",), re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), MASK),
)
_HARMLESS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z_ ]*")
"""Ids of ours, and words."""
_SHORT, _REMEMBERED = 64, 1024
"""Short texts come again and again, ids and names above all."""
_OURS = frozenset({"timestamp", "level", "process", "logger"})


class Redactor:
    """The last processor before an event becomes a line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """``secrets`` are what this process was given; of a URL, its password is one too."""
        parts = {part for secret in secrets for part in _parts(secret) if len(part) >= _SHORTEST}
        known = sorted(parts, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None
        self._again = lru_cache(_REMEMBERED)(self._struck)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """The event without secrets."""
        return {key: value if key in _OURS else self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """The text without secrets."""
        return self._again(text) if len(text) <= _SHORT else self._struck(text)

    def _struck(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if _HARMLESS.fullmatch(text):
            return text
        lower = text.lower()
        for hints, form, instead in _FORMS:
            if any(hint in lower for hint in hints):
                text = form.sub(instead, text)
        return text

    def _value(self, key: object, value: Any) -> Any:
        if isinstance(key, str) and _is_secret(key):
            return MASK
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self.text(str(name)): self._value(name, each) for name, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", each) for each in value]
        return self.text(str(value))


@lru_cache(_REMEMBERED)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _parts(secret: str) -> Iterator[str]:
    """The secret, each of a list of them, and of a URL its password, encoded or not."""
    yield from (part.strip() for part in (secret, *secret.split(",")))
    password = urlsplit(secret).password if "://" in secret else None
    if password:
        yield from (password, unquote(password))
