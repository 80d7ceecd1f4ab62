"""Another environment over REST: its token, its market data, where its feed is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

import aiohttp

from senex.domain.errors import Unavailable, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

REST_SECONDS = aiohttp.ClientTimeout(total=20.0)
VERSION = {"Accept-Version": "20251101"}
"""The version of the API that the SDK asks for."""
_SPARE = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What logs in there."""

    client_secret: str
    refresh_token: str

    @classmethod
    def read(cls, file: Path) -> Credentials:
        """From a file as ``senex simulator --credentials-file`` writes it.

        Raises:
            UsageProblem: ``E_CREDENTIALS_FILE``.
        """
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            return cls(str(told["client_secret"]), str(told["refresh_token"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageProblem(
                "E_CREDENTIALS_FILE",
                f"{file} holds no credentials; it must be JSON with client_secret and refresh_token.",
            ) from None


class Upstream:
    """One login of an environment. Every method may raise ``Unavailable`` (``E_UPSTREAM``)."""

    def __init__(self, http: aiohttp.ClientSession, rest: str, credentials: Credentials) -> None:
        self.http = http
        self.rest = rest.rstrip("/")
        self._credentials = credentials
        self._token = ""
        self._until = 0.0

    async def get(self, path: str, query: str = "") -> tuple[int, bytes]:
        """Status and body of a GET; ``query`` is passed on as it is."""
        address = f"{self.rest}{path}{'?' if query else ''}{query}"
        for _ in range(2):
            headers = {**VERSION, "Authorization": f"Bearer {await self._fresh()}"}
            try:
                async with self.http.get(address, headers=headers, timeout=REST_SECONDS) as answer:
                    if answer.status != 401:
                        return answer.status, await answer.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as problem:
                raise self._away(problem) from problem
            self._until = 0.0
        raise self._away("it refuses the token it has just given")

    async def data(self, path: str, query: str = "") -> dict[str, Any] | None:
        """The ``data`` of an answer; None for what is not there."""
        status, body = await self.get(path, query)
        if status == 404:
            return None
        try:
            told = json.loads(body)["data"]
        except (ValueError, KeyError, TypeError):
            raise self._away(f"{path} answers {status}") from None
        return told if isinstance(told, dict) else None

    async def feed(self) -> tuple[str, str]:
        """Address and token of the market data feed."""
        told = await self.data("/api-quote-tokens")
        if told is None or "dxlink-url" not in told:
            raise self._away("it gives no quote token")
        return str(told["dxlink-url"]), str(told["token"])

    async def _fresh(self) -> str:
        if monotonic() < self._until:
            return self._token
        body = {
            "grant_type": "refresh_token",
            "client_secret": self._credentials.client_secret,
            "refresh_token": self._credentials.refresh_token,
        }
        try:
            async with self.http.post(
                f"{self.rest}/oauth/token", json=body, headers=VERSION, timeout=REST_SECONDS
            ) as answer:
                told = await answer.json(content_type=None)
                if answer.status != 200:
                    raise self._away(f"it refuses the credentials ({answer.status})")
                self._token = str(told["access_token"])
                self._until = monotonic() + float(told.get("expires_in", 900)) - _SPARE
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as problem:
            raise self._away(problem) from problem
        return self._token

    def _away(self, problem: object) -> Unavailable:
        why = str(problem) or type(problem).__name__
        return Unavailable("E_UPSTREAM", f"{self.rest} cannot be used ({why}); correct the address, or wait.")
