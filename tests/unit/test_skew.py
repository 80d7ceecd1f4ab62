"""What a Date header says about this machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from senex.broker.skew import offset

_SECONDS = st.floats(min_value=-1e5, max_value=1e5, allow_nan=False)
_WAY = st.floats(min_value=0, max_value=20)


@given(ahead=_SECONDS, there=_WAY, back=_WAY, at=st.floats(min_value=1.7e9, max_value=1.9e9))
def test_never_more_than_the_truth_and_no_less_than_the_way_hides(
    ahead: float, there: float, back: float, at: float
) -> None:
    date = format_datetime(datetime.fromtimestamp(int(at), UTC), usegmt=True)
    found = offset(date, asked=at - there + ahead, answered=at + back + ahead)
    assert found is not None
    hidden = there + back + 1 + 1e-3
    assert abs(found.total_seconds()) <= abs(ahead) + 1e-3
    assert abs(found.total_seconds() - ahead) <= hidden
    assert found == timedelta(0) or (found > timedelta(0)) == (ahead > 0)


def test_what_is_no_date_says_nothing() -> None:
    assert offset("yesterday", asked=0, answered=1) is None
