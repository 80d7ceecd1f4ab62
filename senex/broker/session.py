"""Logging in: the SDK's session, pointed where the settings say.

The SDK takes no URL, so its constants are rebound right before a session is
made (BROKER_WIRE 1). Live may have URLs of its own too: a proxy can stand
between.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

import httpx2
import tastytrade.session
import tastytrade.streamer
from tastytrade import Session
from tastytrade.utils import TastytradeError

from senex.broker.errors import broker_errors, token_refused
from senex.broker.recorder import TOKEN_PATH, event_hooks, logged_call
from senex.broker.skew import Skew
from senex.domain.errors import SenexError, UsageProblem

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    from senex.broker.errors import TokenRefused

_security = logging.getLogger("senex.security")
_LOGIN_PAUSE = 60.0
_RENEWED_BEFORE = 60.0
"""Seconds before its end at which the SDK renews a token."""
_TIMEOUT = httpx2.Timeout(8.0, connect=3.0)
_LIMITS = httpx2.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=60.0)


def preload() -> None:
    """Have done once what a process does for its first request: a parent does it for all its forks."""
    import_module("anyio._backends._asyncio")
    _certificates()


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust; to read it again for each session costs more than the session."""
    return httpx2.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """Where the broker is and how to log in. Without URLs: the SDK's own of that environment."""

    environment: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    rest_url: str | None = None
    alerts_url: str | None = None

    def __post_init__(self) -> None:
        if self.environment not in {"simulated", "sandbox", "live"}:
            raise UsageProblem(
                "E_SETTINGS",
                f"SENEX_ENVIRONMENT is {self.environment!r}; it must be simulated, sandbox or live.",
            )
        if self.environment == "simulated" and not (self.rest_url and self.alerts_url):
            raise UsageProblem(
                "E_SETTINGS",
                "The simulated environment needs SENEX_BROKER_REST_URL and SENEX_BROKER_ALERTS_URL; "
                "senex simulator prints both when it is ready.",
            )

    @property
    def live(self) -> bool:
        """Whether real money is at stake."""
        return self.environment == "live"

    @property
    def login(self) -> str:
        """A name for this login that gives nothing of it away; another secret or token, another name."""
        told = f"{self.client_secret}\n{self.refresh_token}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]


class LoginPause(Protocol):
    """What processes with the same login tell each other, so that only one of them asks a broker that refuses."""

    async def why(self) -> str | None:
        """What the broker said when it refused the login less than a pause ago, to whomever."""
        ...

    async def begin(self, why: str, seconds: float) -> None:
        """Nobody asks for so many seconds of machine time."""
        ...


class BrokerSession(Session):
    """The SDK's session, which does not hammer a login the broker refused."""

    alerts_url: str | None = None
    pause: LoginPause | None = None
    newest: Callable[[], Awaitable[BrokerAccess]] | None = None
    """The login as it is kept now: it may have been rotated since this session began."""
    skew: Skew
    _pause_until = 0.0
    _pause_for: TokenRefused | None = None
    _doubted = False

    @property
    def doubted(self) -> bool:
        """Whether the token will be renewed before the next call."""
        return self._doubted

    @property
    def token_seconds(self) -> float:
        """How long the token is good for yet, in machine time; it is renewed a minute before."""
        return self.session_expiration - time.time()  # noqa: TID251  as the SDK reads it

    def doubt(self) -> None:
        """A call was refused for its token: the next one renews it, whatever its age says."""
        self._doubted = True

    async def refresh(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  the SDK's signature
        """Renew the token when it is near its end; of several who need it at once, one asks.

        Raises:
            TokenRefused: the broker does not accept the login; again for a minute without asking it.
        """
        if not (force or self._due()):
            return
        async with self._asking:
            if not (force or self._due()):
                return
            await self._take_newest()
            await self._check_pause()
            with logged_call() as log:
                try:
                    await super().refresh(force=force or self._doubted)
                except TastytradeError as problem:
                    answer = log.answer("POST", TOKEN_PATH)
                    if answer is None or answer.status // 100 != 4 or answer.status in {408, 425, 429}:
                        raise
                    why = "; ".join(broker_errors(answer.body)) or f"HTTP {answer.status}"
                    raise await self._refused(why) from problem
            self._doubted = False
            self._pause_for = None
            _security.info("logged in at the broker")

    @cached_property
    def _asking(self) -> asyncio.Lock:
        return asyncio.Lock()

    def _due(self) -> bool:
        now = time.time()  # noqa: TID251  tokens end in machine time, as the SDK reads it
        return self._doubted or now >= self.session_expiration - _RENEWED_BEFORE

    async def _take_newest(self) -> None:
        """Log in with what is kept now, where it is another login; the old one's pause is not its own."""
        if self.newest is None:
            return
        try:
            access = await self.newest()
        except SenexError as problem:
            _security.warning("the kept login could not be read, the one in use stays: %s", problem.message)
            return
        if (access.client_secret, access.refresh_token) != (self.provider_secret, self.refresh_token):
            self.provider_secret, self.refresh_token = access.client_secret, access.refresh_token
            self.pause = self._pause_for = None
            _security.info("the broker's login was rotated; the new one is used from now on")

    async def _check_pause(self) -> None:
        if self._pause_for is not None and time.monotonic() < self._pause_until:
            raise self._pause_for
        why = None if self.pause is None else await self.pause.why()
        if why is not None:
            raise token_refused(why)

    async def _refused(self, why: str) -> TokenRefused:
        self._pause_until = time.monotonic() + _LOGIN_PAUSE
        self._pause_for = token_refused(why)
        _security.error("the broker refused the login: %s", why)
        if self.pause is not None:
            await self.pause.begin(why, _LOGIN_PAUSE)
        return self._pause_for


@asynccontextmanager
async def open_session(
    access: BrokerAccess,
    *,
    pause: LoginPause | None = None,
    newest: Callable[[], Awaitable[BrokerAccess]] | None = None,
) -> AsyncIterator[BrokerSession]:
    """A session; nothing is sent yet. The SDK's logger is quietened: at DEBUG it halves the stream's speed."""
    logging.getLogger("tastytrade").setLevel(logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each call; the recorder keeps them all
    if access.rest_url:
        name = "API_URL" if access.live else "CERT_URL"
        setattr(tastytrade.session, name, access.rest_url)
    if access.alerts_url:
        name = "STREAMER_URL" if access.live else "CERT_STREAMER_URL"
        setattr(tastytrade.streamer, name, access.alerts_url)
    skew, hooks = Skew(), event_hooks()
    hooks["request"].append(skew.on_request)
    hooks["response"].append(skew.on_response)
    session = BrokerSession(
        access.client_secret,
        access.refresh_token,
        is_test=not access.live,
        trust_env=False,
        verify=_certificates(),
        timeout=_TIMEOUT,
        limits=_LIMITS,
        event_hooks=hooks,
    )
    session.alerts_url = access.alerts_url
    session.pause, session.newest, session.skew = pause, newest, skew
    async with session:
        yield session
