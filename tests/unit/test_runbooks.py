"""Every alarm there is has a page that says what to do about it."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from senex.domain.notices import runbook

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"[A-Z][A-Z_]+")


def sounded() -> Iterator[str]:
    """The codes of every ``Alarm(…)`` in the source: literals, and constants of the module it stands in."""
    for folder in ("senex", "daemon"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if "Alarm(" not in text:
                continue
            module = import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Alarm":
                    given = [each.value for each in node.keywords if each.arg == "code"] or node.args
                    code = given[0]
                    if isinstance(code, ast.Constant):
                        yield str(code.value)
                    elif isinstance(code, ast.Name) and hasattr(module, code.id):
                        yield getattr(module, code.id)


def listed() -> set[str]:
    """The codes of the operator's guide; some alarms take theirs from a parameter."""
    guide = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = guide.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([A-Z_]+)`", section, flags=re.MULTILINE))


def pages() -> set[str]:
    page, _, _ = runbook("X").partition("#")
    return set(re.findall(r"^## (\S+)$", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_every_alarm_has_its_runbook() -> None:
    codes = set(sounded())
    assert {"BOOKS_DIFFER", "ORDER_DOUBLED", "JOB_FAILING"} <= codes, "the search finds what is there"
    assert all(_CODE.fullmatch(code) for code in codes)
    assert codes | listed() <= pages()


def test_every_alarm_is_in_the_guide_and_no_page_is_about_nothing() -> None:
    assert set(sounded()) <= listed()
    assert pages() <= listed()
