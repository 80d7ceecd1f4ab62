"""The mutator itself: what it takes away is there, and what it makes is Python."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.__main__ import NAMED, SUITES, Named
from tests.mutation.mutants import mutants


@pytest.mark.parametrize("one", [each for each in NAMED if each.module], ids=lambda each: str(each.what))
def test_what_is_taken_away_by_name_is_there(one: Named) -> None:
    assert one.text in Path(one.module).read_text(encoding="utf-8")


@pytest.mark.parametrize("files", SUITES.values(), ids=SUITES)
def test_every_suite_is_there(files: tuple[str, ...]) -> None:
    assert [each for each in files if not Path(each).exists()] == []


def test_each_change_is_one_and_can_be_compiled() -> None:
    source = "def f(a, b):\n    if a < 1 and not b:\n        raise ValueError('x')\n    go(True)\n    return a + 2\n"
    made = mutants(source)
    whole = ast.unparse(ast.parse(source))
    assert len({each.source for each in made}) == len(made) >= 10
    assert whole not in {each.source for each in made}
    for each in made:
        compile(each.source, "mutant", "exec")
