"""Every claim of the threat model is shown by a test that is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def defined_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(
        each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def named() -> list[tuple[str, str]]:
    return _NAMED.findall((ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8"))


def test_every_test_it_names_is_there() -> None:
    assert not [f"{file}::{name}" for file, name in named() if name not in defined_in(file)]


def test_every_part_of_it_names_one() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    for part in page.split("\n## ")[1:]:
        title = part.partition("\n")[0]
        assert _NAMED.search(part) or title == "What is not defended against", title
