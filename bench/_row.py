"""One line of the benchmark table."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Row:
    """What was measured, against what, and the bar it has to hold."""

    row: str
    ours: str
    other: str
    ratio: str
    bar: str
    within: bool
    figures: dict[str, float] = field(default_factory=dict)


def p99_of(values: list[float]) -> float:
    """The value that 99 of 100 do not exceed."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]


def print_rows(*rows: Row) -> None:
    """The last line of a script's stdout."""
    print(json.dumps([asdict(row) for row in rows]))
