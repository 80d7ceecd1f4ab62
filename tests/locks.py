"""Whether the locks are whole: every package pinned and hashed, all that pyproject.toml names there, from no address.

``make check`` runs it without a network. What is known about a version, being yanked or
having a published weakness, only a network knows: ``make audit``.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(?:;[^\\]*)?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
_ADDRESS = re.compile(r"https?://|--(?:extra-)?index-url|--find-links|git\+|@ file", re.IGNORECASE)


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Each requirement of a lock with its continuation lines: the head, and all of it."""
    block: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#") or not line.strip():
            continue
        if not line.startswith(" ") and block:
            yield block[0], " ".join(block)
            block = []
        block.append(line)
    if block:
        yield block[0], " ".join(block)


def problems(pyproject: str, locks: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the locks, by name: requirements.lock and requirements-dev.lock."""
    pinned: dict[str, dict[str, set[str]]] = {}
    for lock, text in locks.items():
        if _ADDRESS.search(text):
            yield f"{lock} names where packages come from; a lock names packages only"
        yield from _pinned(lock, text, pinned.setdefault(lock, {}))
    asked = tomllib.loads(pyproject)
    groups = asked["dependency-groups"]
    base = [
        *asked["project"]["dependencies"],
        *asked["project"]["optional-dependencies"]["embedded"],
        *groups["build"],
    ]
    yield from _asked("requirements.lock", base, pinned)
    yield from _asked("requirements-dev.lock", [*base, *groups["dev"]], pinned)
    for name, versions in pinned["requirements.lock"].items():
        if pinned["requirements-dev.lock"].get(name) != versions:
            yield f"{name} is another version for development; run `make lock`"


def _pinned(lock: str, text: str, found: dict[str, set[str]]) -> Iterator[str]:
    """Collect what a lock pins; what it does not pin or hash."""
    for head, whole in entries(text):
        parts = _LINE.match(head)
        if parts is None:
            yield f"{lock}: {head.strip()!r} pins no version"
            continue
        found.setdefault(canonicalize_name(parts["name"]), set()).add(parts["version"])
        if not _HASH.search(whole):
            yield f"{lock}: {parts['name']} has no hash"


def _asked(lock: str, names: list[str], pinned: Mapping[str, dict[str, set[str]]]) -> Iterator[str]:
    """What pyproject.toml asks for and the lock does not have."""
    for one in map(Requirement, names):
        versions = pinned[lock].get(canonicalize_name(one.name), set())
        if not versions:
            yield f"{lock} lacks {one.name}, which pyproject.toml names; run `make lock`"
        elif not all(one.specifier.contains(Version(version)) for version in versions):
            yield f"{lock} has {one.name} {', '.join(sorted(versions))}; pyproject.toml asks for {one.specifier}"


def main() -> int:
    """Say what is wrong; 1 when something is."""
    names = ("requirements.lock", "requirements-dev.lock")
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in names}
    found = list(problems((ROOT / "pyproject.toml").read_text(encoding="utf-8"), texts))
    sys.stderr.write("".join(f"{one}\n" for one in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
