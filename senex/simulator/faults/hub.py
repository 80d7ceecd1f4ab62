"""All faults of a running simulator: one list of rules, and the parts that obey it."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from senex.domain.errors import UsageProblem
from senex.simulator.faults.catalogue import read
from senex.simulator.faults.http import HttpFaults
from senex.simulator.faults.quotes import QuoteFaults
from senex.simulator.faults.rules import Rules
from senex.simulator.faults.streams import StreamFaults
from senex.simulator.faults.whims import RuledWhims

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from pathlib import Path

    from senex.simulator.faults.catalogue import Rule


class Faults:
    """Rules by HTTP and by file; ``act`` does what happens once, ``shown_again`` has all quotes sent again."""

    def __init__(self, now: Callable[[], datetime], endpoints: Callable[[], AbstractSet[str]]) -> None:
        self.rules = Rules(now)
        self.endpoints = endpoints
        self.http = HttpFaults(self.rules)
        self.dxlink = StreamFaults("dxlink", self.rules)
        self.alerts = StreamFaults("alerts", self.rules)
        self.quotes = QuoteFaults(self.rules)
        self.whims = RuledWhims(self.rules)
        self.actions: dict[tuple[str, str], Callable[[], None]] = {}
        self.shown_again: Callable[[], None] = lambda: None

    def add(self, body: Mapping[str, Any]) -> None:
        """Put a rule in force; what is due is done.

        Raises:
            ValueError: it names something that does not exist; the text says what does.
        """
        self.rules.add(read(body, self.endpoints()))
        self.tick()

    def clear(self) -> None:
        """Forget all rules and thaw the streams."""
        self.rules.all.clear()
        self.dxlink.thaw()
        self.alerts.thaw()
        self.tick()

    def tick(self) -> None:
        """The market moved or the rules changed: do what is due."""
        for rule in self.rules.actions():
            self._act(rule)
        if self.quotes.refresh():
            self.shown_again()

    def load(self, path: Path) -> None:
        """Put the rules of a file in force: JSON, or TOML with ``[[rules]]``.

        Raises:
            UsageProblem: ``E_FAULTS_FILE``.
        """
        try:
            text = path.read_text()
            content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
            for body in content["rules"] if isinstance(content, dict) else content:
                self.add(body)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise UsageProblem(
                "E_FAULTS_FILE", f"{path} holds no faults ({problem}); docs/simulator.md lists them."
            ) from None

    def listing(self) -> dict[str, object]:
        """The rules that still apply."""
        return {"rules": [rule.listing() for rule in self.rules.all]}

    def _act(self, rule: Rule) -> None:
        if rule.mode == "freeze":
            (self.dxlink if rule.endpoint == "dxlink" else self.alerts).freeze(rule.seconds)
        elif rule.mode == "thaw":
            (self.dxlink if rule.endpoint == "dxlink" else self.alerts).thaw()
        else:
            self.actions[rule.endpoint, rule.mode]()
