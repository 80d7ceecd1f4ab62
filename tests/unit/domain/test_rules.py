"""The written form of schedule rules."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.errors import UsageProblem
from senex.domain.rules import parse_rule, rule_text
from senex.domain.schedule import Daily, Days, Every, Rule, Window

_times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
_windows = st.lists(st.builds(Window, _times, _times), min_size=1, max_size=3).map(tuple)
_rules: st.SearchStrategy[Rule] = st.one_of(
    st.builds(Daily, _times, st.sampled_from(Days)),
    st.builds(Every, st.integers(1, 600), _windows, st.sampled_from(Days)),
    st.builds(Every, st.integers(1, 600), _windows, st.just(Days.SESSIONS), in_session=st.just(True)),
)


@given(_rules)
def test_what_is_written_reads_back(rule: Rule) -> None:
    assert parse_rule(rule_text(rule)) == rule


def test_a_rule_reads_as_it_is_said() -> None:
    assert parse_rule("every 5 min 09:30-16:00 sessions") == Every(5, (Window(time(9, 30), time(16)),))
    assert parse_rule("daily 16:30 weekdays") == Daily(time(16, 30))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "daily",
        "daily 25:00 every",
        "daily 10:00 sundays",
        "every 0 min 09:30-16:00 sessions",
        "every 5 min sessions",
        "every 5 min 09:30 sessions",
        "every 5 min 09:30-16:00 weekdays in-session",
        "*/5 * * * *",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageProblem, match="daily 16:30 weekdays"):
        parse_rule(text)
