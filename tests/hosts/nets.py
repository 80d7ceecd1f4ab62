"""A network of hosts inside this machine: namespaces on one bridge that leads nowhere else."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import psutil

from tests.hosts import enter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Answer = TypeVar("Answer")

_ENTER = Path(enter.__file__)
_NETWORK = "10.77.0"
_OURS = re.compile(r"(sx(\d+)-\w+)\b")


def missing() -> str | None:
    """Why there can be no hosts here; None where there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the program `ip` (iproute2) is not installed"
    name = f"senex-try-{os.getpid()}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"this kernel or container gives no network namespaces: {tried.stderr.strip()}"
    bridge = subprocess.run(
        ["ip", "-n", name, "link", "add", "br0", "type", "bridge"],
        capture_output=True,
        text=True,
        check=False,
    )
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None if bridge.returncode == 0 else f"this kernel has no bridges: {bridge.stderr.strip()}"


class Host:
    """One host: its address, its name, and what runs on it."""

    def __init__(self, network: Network, name: str, number: int) -> None:
        self.name, self.address = name, f"{_NETWORK}.{number}"
        self.namespace = f"{network.prefix}-{name}"
        self._wire = f"w{number}"
        self._network = network
        network.ip("netns", "add", self.namespace)
        inside = ("-n", self.namespace)
        network.ip(
            *("-n", network.switch, "link", "add", self._wire, "type", "veth"),
            *("peer", "name", "eth0", "netns", self.namespace),
        )
        network.ip("-n", network.switch, "link", "set", self._wire, "master", "br0", "up")
        network.ip(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        network.ip(*inside, "link", "set", "eth0", "up")
        network.ip(*inside, "link", "set", "lo", "up")

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], *, log: Path
    ) -> subprocess.Popen[str]:
        """Start a command here; stdout is to be read, stderr goes to ``log``."""
        with log.open("ab") as sink:
            return subprocess.Popen(
                self._here(command),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
                start_new_session=True,
            )

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here to its end."""
        return subprocess.run(
            self._here(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def _here(self, command: Sequence[str]) -> list[str]:
        return [sys.executable, "-I", "-S", str(_ENTER), self.namespace, self.name, *command]

    def within(self, work: Callable[[], Answer]) -> Answer:
        """Do something on this host's network, in a thread of this process."""
        answers: list[Answer] = []
        problems: list[BaseException] = []

        def do() -> None:
            try:
                enter.enter_network(self.namespace)
                answers.append(work())
            except BaseException as problem:  # noqa: BLE001  raised again in the thread that asked
                problems.append(problem)

        thread = threading.Thread(target=do)
        thread.start()
        thread.join()
        if problems:
            raise problems[0]
        return answers[0]

    def cut(self) -> None:
        """Pull the plug: packets are lost, nobody is told."""
        self._network.ip("-n", self._network.switch, "link", "set", self._wire, "nomaster")

    def mend(self) -> None:
        """Put it back."""
        self._network.ip("-n", self._network.switch, "link", "set", self._wire, "master", "br0")

    def pids(self) -> list[int]:
        """What runs here."""
        told = self._network.ip("netns", "pids", self.namespace)
        return [int(word) for word in told.split()]

    def crash(self) -> None:
        """The power goes: everything here is SIGKILLed at once, and what was on the wire is lost."""
        self.cut()
        self._kill()
        self.mend()

    def remove(self) -> None:
        """Leave nothing of it."""
        self._kill()
        self._network.ip("netns", "del", self.namespace)

    def _kill(self) -> None:
        while alive := [pid for pid in self.pids() if _lives(pid)]:
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


class Network:
    """``with Network() as network:`` hosts may be added; afterwards nothing of them is left."""

    def __init__(self) -> None:
        self.prefix = f"sx{os.getpid()}"
        self.switch = f"{self.prefix}-switch"
        self.hosts: list[Host] = []

    def __enter__(self) -> Self:
        self._clear_killed()
        self.ip("netns", "add", self.switch)
        self.ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
        self.ip("-n", self.switch, "link", "set", "br0", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts:
            host.remove()
        self.ip("netns", "del", self.switch)

    def _clear_killed(self) -> None:
        """Networks of tests that were killed."""
        for line in self.ip("netns", "list").splitlines():
            found = _OURS.match(line)
            if found is not None and not psutil.pid_exists(int(found.group(2))):
                self.ip("netns", "del", found.group(1))

    def host(self, name: str) -> Host:
        """Another host on the network."""
        self.hosts.append(Host(self, name, len(self.hosts) + 1))
        return self.hosts[-1]

    @staticmethod
    def ip(*words: str) -> str:
        """Run ``ip``; what it says."""
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
        return done.stdout


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
