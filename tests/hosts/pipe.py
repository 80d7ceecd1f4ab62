"""``python -m tests.hosts.pipe``: carries TCP from one address to another, later by some milliseconds.

It stands where a region or a load balancer would; ``serve`` also where TLS ends.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class Pipe:
    """One way of it: bytes leave ``delay`` seconds after they came, in order, however many are under way."""

    def __init__(self, delay: float) -> None:
        self._delay = delay

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the sender ends or the receiver has gone."""
        loop = asyncio.get_running_loop()
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=1000)

        async def deliver() -> None:
            while True:
                due, part = await held.get()
                await asyncio.sleep(max(due - loop.time(), 0))
                if not part:
                    break
                writer.write(part)
                await writer.drain()

        delivering = asyncio.create_task(deliver())
        with suppress(OSError, ssl.SSLError):
            while part := await reader.read(65536):
                await held.put((loop.time() + self._delay, part))
                if delivering.done():
                    break
        await held.put((loop.time() + self._delay, b""))
        with suppress(OSError, ssl.SSLError):
            await delivering


async def serve(
    listen: str, to: str, *, delay: float, tls: ssl.SSLContext | None = None, postgres: bool = False
) -> None:
    """Carry every connection, for ever. ``postgres`` takes up TLS when it is asked for, as its protocol wants."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if tls is not None and postgres:
                await _take_up(reader, writer, tls)
            far_reader, far_writer = await asyncio.open_connection(*to.rsplit(":", 1))
        except (OSError, EOFError):
            writer.close()
            return
        for end in (writer, far_writer):
            _notice_the_dead(end)
        there, back = Pipe(delay), Pipe(delay)
        ways = {
            asyncio.create_task(there.carry(reader, far_writer)),
            asyncio.create_task(back.carry(far_reader, writer)),
        }
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, far_writer):
            end.close()

    host, port = listen.rsplit(":", 1)
    server = await asyncio.start_server(connected, host, int(port), ssl=None if postgres else tls)
    async with server:
        await server.serve_forever()


def _notice_the_dead(writer: asyncio.StreamWriter) -> None:
    """As whoever stands in front of a database has to: else its sessions, and their locks, live on."""
    line = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 2), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3)):
        line.setsockopt(socket.IPPROTO_TCP, option, value)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 6000)


async def _take_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ssl.SSLContext) -> None:
    """Raises OSError where a client asks for anything else first: nothing is served without TLS."""
    if await reader.readexactly(len(_SSL_REQUEST)) != _SSL_REQUEST:
        raise ConnectionRefusedError
    writer.write(b"S")
    await writer.drain()
    await writer.start_tls(tls)


def server_side(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a server with that certificate speaks."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    return tls


@click.command()
@click.option("--way", "ways", multiple=True, nargs=2, required=True, help="LISTEN TO, as often as needed.")
@click.option("--delay", default=0.0, help="Milliseconds one way.")
def main(*, ways: tuple[tuple[str, str], ...], delay: float) -> None:
    """Carry."""

    async def run() -> None:
        await asyncio.gather(*(serve(listen, to, delay=delay / 1000) for listen, to in ways))

    asyncio.run(run())


if __name__ == "__main__":
    main()
