"""The mutator itself: what it takes away is there, what it makes is Python and lies where it says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.__main__ import MODULES, SUITE
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import mutants
from tests.mutation.named import NAMED, Named
from tests.mutation.warm import put_in

SOURCE = """
LIMIT = 3

class Box:
    @property
    def full(self):
        return self.many >= LIMIT and (
            not self.open
        )

def f(a, b=True):
    if a < 1 and not b:
        raise ValueError('x')
    go(True)
    return a + 2
"""


@pytest.mark.parametrize("one", NAMED, ids=lambda each: str(each.what))
def test_what_is_taken_away_by_name_is_there(one: Named) -> None:
    assert bool(one.source()) != bool(one.sql)


def test_every_file_of_the_suite_is_there() -> None:
    assert [each for each in SUITE if not Path(each).exists()] == []


def test_what_cannot_be_noticed_is_still_made() -> None:
    made = {(path, each.what) for path in MODULES for each in mutants(Path(path).read_text(encoding="utf-8"))}
    assert set(EQUIVALENT) <= made


def test_each_change_is_one_and_can_be_compiled() -> None:
    made = mutants(SOURCE)
    whole = ast.unparse(ast.parse(SOURCE))
    sources = {each.source for each in made}
    assert len(sources) == len(made) >= 15
    assert whole not in sources
    for each in sources:
        compile(each, "mutant", "exec")


def test_each_knows_its_function_and_the_lines_of_its_statement() -> None:
    places = {each.what: (each.function, each.lines) for each in mutants(SOURCE)}
    assert places["one more: 3"] == ("", range(2, 3))
    assert places["turn: self.many >= LIMIT"] == ("Box.full", range(7, 10))
    assert places["not not: not self.open"] == ("Box.full", range(7, 10))
    assert places["turn: a < 1"] == ("f", range(12, 13))
    assert places["do not raise: raise ValueError('x')"] == ("f", range(13, 14))


def test_a_mutant_takes_the_place_of_a_function_wherever_it_was_imported_to() -> None:
    path = "tests/mutation/servers.py"
    from tests.mutation.servers import share

    before, wrapped = share.__code__, Path(path).read_text(encoding="utf-8")
    try:
        put_in(
            path, "share", wrapped.replace("embedded, usual = pickle.loads(world)", "raise KeyError(world)")
        )
        with pytest.raises(KeyError):
            share(b"")
    finally:
        share.__code__ = before
