"""Every small change of a module that should make a test fail."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_RECKONED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
}

_SPARED = frozenset({"frozen", "slots", "kw_only", "strict"})
"""What these arguments guard against is no behaviour."""


@dataclass(frozen=True)
class Mutant:
    """A changed module: where, and what was done.

    ``lines`` are those of its statement; ``function`` is the outermost one it is in, empty when in none.
    ``node`` and ``change`` count what was changed, and how, in the ``whole`` module.
    """

    line: int
    what: str
    function: str
    lines: range
    whole: str = field(repr=False)
    node: int
    change: int

    @property
    def source(self) -> str:
        """The module as it is then."""
        tree = ast.parse(self.whole)
        node = next(each for place, each in enumerate(_nodes(tree)) if place == self.node)
        _, change = list(_changes(node))[self.change]
        change(node)
        return ast.unparse(tree)


def mutants(source: str) -> list[Mutant]:
    """All of them, in the order of their lines. Words (docstrings, messages, journal lines) are left alone."""
    tree = ast.parse(source)
    places = dict(_places(tree, "", "", range(0)))
    found = []
    for number, node in enumerate(_nodes(tree)):
        function, lines = places[id(node)]
        line = getattr(node, "lineno", 0)
        for way, (what, _) in enumerate(_changes(node)):
            said = f"{what}: {_short(node)}"
            found.append(Mutant(line, said, function, lines, source, number, way))
    return sorted(found, key=lambda each: each.line)


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs: no annotations, no imports for types only."""
    spared = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.keyword) and one.arg in _SPARED}
    for top in tree.body:
        if isinstance(top, ast.If) and ast.unparse(top.test) == "TYPE_CHECKING":
            continue
        yield from (node for node in ast.walk(top) if id(node) not in spared)


def _places(
    node: ast.AST, prefix: str, function: str, lines: range
) -> Iterator[tuple[int, tuple[str, range]]]:
    """For each node by its id: the outermost function whose body it is in, and its statement's own lines."""
    if isinstance(node, ast.stmt):
        body = getattr(node, "body", None)
        lines = range(node.lineno, body[0].lineno if body else (node.end_lineno or node.lineno) + 1)
    yield id(node), (function, lines)
    named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    for name, value in ast.iter_fields(node):
        within, inside = prefix, function
        if named and name == "body" and not function:
            within = f"{prefix}{node.name}"  # type: ignore[attr-defined]
            inside, within = ("", f"{within}.") if isinstance(node, ast.ClassDef) else (within, within)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from _places(each, within, inside, lines)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    yield from _of_expressions(node)
    if isinstance(node, ast.If):
        yield "never", _never
        yield "always", _always
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Await | ast.Call):
        if not _only_tells(node):
            yield "leave out", _leave_out
    elif isinstance(node, ast.Raise) and not isinstance(node.exc, ast.Name):
        yield "do not raise", _leave_out


def _of_expressions(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        yield "turn", _turn_comparison
    elif isinstance(node, ast.BoolOp):
        yield "and/or", _turn_connective
        for index in range(len(node.values)):
            yield f"without part {index + 1}", _without(index)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not not", _not_not
    elif isinstance(node, ast.BinOp) and type(node.op) in _RECKONED:
        yield "other sum", _turn_sum
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "other truth", _turn_truth
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield "one more", _one_more


def _only_tells(node: ast.Expr) -> bool:
    """Hints and log lines: nobody is wrong without them."""
    text = ast.unparse(node)
    return "publisher.changed" in text or "journal.note" in text or "_log." in text


def _turn_comparison(node: ast.AST) -> None:
    assert isinstance(node, ast.Compare)
    node.ops[0] = _COMPARED[type(node.ops[0])]()


def _turn_connective(node: ast.AST) -> None:
    assert isinstance(node, ast.BoolOp)
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _without(index: int) -> Callable[[ast.AST], None]:
    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.BoolOp)
        node.values[index] = ast.Constant(isinstance(node.op, ast.And))

    return change


def _not_not(node: ast.AST) -> None:
    assert isinstance(node, ast.UnaryOp)
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _turn_sum(node: ast.AST) -> None:
    assert isinstance(node, ast.BinOp)
    node.op = _RECKONED[type(node.op)]()


def _turn_truth(node: ast.AST) -> None:
    assert isinstance(node, ast.Constant)
    node.value = not node.value


def _one_more(node: ast.AST) -> None:
    assert isinstance(node, ast.Constant)
    node.value = int(node.value) + 1  # type: ignore[arg-type]


def _never(node: ast.AST) -> None:
    assert isinstance(node, ast.If)
    node.test = ast.BoolOp(ast.And(), [ast.Constant(value=False), node.test])


def _always(node: ast.AST) -> None:
    assert isinstance(node, ast.If)
    node.test = ast.BoolOp(ast.Or(), [ast.Constant(value=True), node.test])


def _leave_out(node: ast.AST) -> None:
    """In place: the statement becomes a constant."""
    if isinstance(node, ast.Expr):
        node.value = ast.Constant(value=None)
    elif isinstance(node, ast.Raise):
        node.__class__ = ast.Expr  # type: ignore[assignment]
        node.value = ast.Constant(value=None)  # type: ignore[attr-defined]
        node._fields = ("value",)  # type: ignore[misc]


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) < 80 else f"{text[:77]}…"
