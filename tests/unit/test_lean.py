"""What the daemon's processes do not import, and that nothing is missing for that."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date

import pytest
from tastytrade.utils import get_third_friday, is_market_open_on

from senex.lean import absent, stood_in_for

_LOADED = """
import json, sys
from importlib import import_module
import daemon.__main__
from senex.lean import absent
with absent("pandas", "rich"):
    import_module("daemon.parts." + sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
_HEAVY = frozenset({"pandas", "pandas_market_calendars", "exchange_calendars", "rich"})
_BROKERS = frozenset({"tastytrade", "httpx2"})
_MATHS = frozenset({"numpy", "scipy", "talib"})
_ORM = frozenset({"sqlalchemy", "sqlmodel", "alembic"})


@pytest.mark.parametrize(
    ("part", "never"),
    [
        ("relay", _HEAVY | _BROKERS | _MATHS | _ORM),
        ("scheduler", _HEAVY | _BROKERS | _MATHS | _ORM),
        ("streamer", _HEAVY | _MATHS | _ORM),
        ("worker", _HEAVY),
    ],
)
def test_a_part_stays_lean(part: str, never: frozenset[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", _LOADED, part], check=True, capture_output=True, text=True)
    assert not never & set(json.loads(ran.stdout.splitlines()[-1]))


def test_the_sdks_calendar_is_there_when_somebody_asks() -> None:
    assert not is_market_open_on(date(2026, 11, 26))
    assert get_third_friday(date(2026, 6, 1)) == date(2026, 6, 18)


def test_what_is_absent_or_stood_in_for_is_so_within_the_block_only() -> None:
    with absent("tabnanny"), pytest.raises(ModuleNotFoundError):
        import tabnanny  # noqa: F401
    with stood_in_for(tabnanny={"verbose": 3}):
        from tabnanny import verbose
    assert verbose == 3
    from tabnanny import verbose as real

    assert real == 0


def test_what_is_imported_already_stays() -> None:
    with absent("json"), stood_in_for(subprocess={}):
        import subprocess as same

        assert same.run is subprocess.run
        assert sys.modules["json"] is json
