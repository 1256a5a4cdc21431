from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from huiyan.persistence.schema import UtcMilliseconds, to_milliseconds

STORED = UtcMilliseconds()
DIALECT = sqlite.dialect()

INSTANTS = st.integers(-(2 * 10**15), 7 * 10**15).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


def test_no_instant_is_stored_as_none_and_read_as_none() -> None:
    assert STORED.process_bind_param(None, DIALECT) is None
    assert STORED.process_result_value(None, DIALECT) is None


@settings(deadline=None)  # a busy machine is no fault
@given(INSTANTS)
def test_an_instant_comes_back_to_the_millisecond(instant: datetime) -> None:
    back = STORED.process_result_value(STORED.process_bind_param(instant, DIALECT), DIALECT)
    assert back is not None
    assert timedelta(0) <= instant - back < timedelta(milliseconds=1)
    assert back.tzinfo is UTC


def test_the_same_instant_in_another_zone_is_the_same_number() -> None:
    east = datetime(2026, 3, 31, 16, 15, tzinfo=timezone(timedelta(hours=8)))
    assert to_milliseconds(east) == to_milliseconds(datetime(2026, 3, 31, 8, 15, tzinfo=UTC))
