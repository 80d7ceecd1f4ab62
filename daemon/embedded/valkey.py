"""The bundled Redis-protocol server: two users, append-only file, TTL keys evicted first."""

from __future__ import annotations

import hashlib
import signal
import socket
from importlib.resources import files
from typing import TYPE_CHECKING

import psutil

from daemon.embedded.processes import LOOPBACK
from daemon.embedded.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from daemon.embedded.secrets import SecretFiles
    from senex.machine import Account

_CONFIG = """\
bind 127.0.0.1
protected-mode yes
daemonize no
databases 16
appendonly yes
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy volatile-lru
# a hash kept as a list is searched from its start for each symbol of a flush
hash-max-listpack-entries 0
tcp-keepalive 60
set-proc-title no
aclfile users.acl
"""
_PORT_OPTION = "--port"
_RULES = "redis-users.acl"
_LOGIN_SECONDS = 2.0


def acl_rules(daemon_password: str, console_password: str) -> str:
    """Answer the user file: the shared rules with both passwords' SHA-256 in place."""
    rules = files("daemon.embedded").joinpath(_RULES).read_text(encoding="utf-8")
    for mark, password in (("@DAEMON@", daemon_password), ("@CONSOLE@", console_password)):
        rules = rules.replace(mark, hashlib.sha256(password.encode()).hexdigest())
    return rules


class ValkeyServer(Server):
    """One instance's Redis-protocol server in ``folder``."""

    title = "Redis-protocol server"
    code = "E_REDIS_START"
    program = "valkey-server"
    stop_steps = ((signal.SIGTERM, 5.0),)

    def __init__(
        self,
        *,
        folder: Path,
        log: Path,
        account: Account,
        executable: Path,
        secrets: SecretFiles,
    ) -> None:
        """``secrets`` hold both passwords; they are read anew each time: they may be rotated while this runs."""
        super().__init__(folder=folder, log=log, account=account)
        self._executable = executable
        self._secrets = secrets

    def prepare(self) -> None:
        self.account.make_folder(self.folder)
        self._write("valkey.conf", _CONFIG)
        self._write(
            "users.acl", acl_rules(*map(self._secrets.read_or_make, ("redis_daemon", "redis_console")))
        )

    def command(self, port: int) -> list[str]:
        # the next starter reads port and folder from the process list
        config = str(self.folder / "valkey.conf")
        return [str(self._executable), config, _PORT_OPTION, str(port), "--dir", str(self.folder)]

    def main_process(self, found: Sequence[psutil.Process]) -> tuple[psutil.Process, int] | None:
        for process in found:
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if _PORT_OPTION in words[:-1]:
                return process, int(words[words.index(_PORT_OPTION) + 1])
        return None

    def is_ready(self, pid: int, port: int) -> bool:  # noqa: ARG002 - the password proves whose server answers
        """Log in and ask for PONG; a server still loading its file answers LOADING."""
        words = (("AUTH", "daemon", self._secrets.read_or_make("redis_daemon")), ("PING",))
        try:
            with socket.create_connection((LOOPBACK, port), timeout=_LOGIN_SECONDS) as line:
                line.sendall(b"".join(_encode(command) for command in words))
                answer = b""
                while answer.count(b"\r\n") < len(words):
                    part = line.recv(4096)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer.split(b"\r\n")[:2] == [b"+OK", b"+PONG"]

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        self.account.own(path)


def _encode(command: Sequence[str]) -> bytes:
    parts = [f"*{len(command)}\r\n", *(f"${len(word.encode())}\r\n{word}\r\n" for word in command)]
    return "".join(parts).encode()
