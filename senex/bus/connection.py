"""Connections to Redis, with deadlines, and its errors in our words."""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError  # noqa: A004

from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from redis.typing import EncodableT

CONNECT_TIMEOUT = 1.0
ANSWER_TIMEOUT = 2.0


class OnePassConnection(Connection):
    """Packs a command in one pass: redis' own way copies what is packed already with each of a flush's arguments.

    It sends without ``asyncio.wait_for``, which on Python 3.11 loses a cancel that comes as the write ends: what
    was told to stop then went on for ever.
    """

    def pack_command(self, *args: Any) -> list[bytes]:
        """The command as it goes over the wire; its name may be two words."""
        encode: Callable[[Any], bytes] = self.encoder.encode
        name, *more = args
        words = [each if type(each) is bytes else encode(each) for each in (*name.split(), *more)]
        return [b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(each), each) for each in words])]

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002  redis' own signature
    ) -> None:
        """Send it whole within the socket's time, or close: half a command may be on its way."""
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        if isinstance(command, str):
            command = command.encode()
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([command] if isinstance(command, bytes) else command)
        except BaseException as problem:
            await self.disconnect(nowait=True)
            if isinstance(problem, OSError):  # a timeout is one
                raise ConnectionError(f"cannot write to the socket: {problem!r}") from problem
            raise


def open_redis(url: str) -> Redis:
    """A client of the Redis at ``url``; nothing is connected yet.

    A broken connection is replaced once, at once: whoever needs patience (the
    streamer, a feed) has its own.
    """
    return Redis.from_url(
        url,
        connection_class=OnePassConnection,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=ANSWER_TIMEOUT,
        retry=Retry(NoBackoff(), 1),
    )


async def at_once(redis: Redis, commands: Sequence[Sequence[EncodableT]]) -> list[Any]:
    """Send the commands together and await their answers with one deadline; redis' own pipeline sets one for each."""
    pool = redis.connection_pool
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await connection.read_response(timeout=math.inf) for _ in commands]
    except BaseException:
        await connection.disconnect(nowait=True)  # answers may be on their way
        raise
    finally:
        await pool.release(connection)


@contextmanager
def redis_errors(url: str = "") -> Iterator[None]:
    """Turn what Redis or its socket raises into ``Unavailable`` (``E_REDIS_AWAY``)."""
    try:
        yield
    except (RedisError, OSError) as problem:
        raise redis_away(problem, url) from problem


def redis_away(problem: BaseException, url: str = "") -> Unavailable:
    """The error for a Redis that does not answer, without its password."""
    parts = urlsplit(url)
    where = f" at {parts.hostname}:{parts.port}" if parts.hostname else ""
    return Unavailable(
        "E_REDIS_AWAY",
        f"Redis{where} does not answer ({type(problem).__name__}); prices and hints pause, nothing is lost. "
        "Check that it runs.",
    )
