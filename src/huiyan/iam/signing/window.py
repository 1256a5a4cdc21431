"""When a request was signed, and whether that is near enough.

Owns: the form of the date header and the window. Has no opinion on: the clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from huiyan.kernel.errors import SignatureExpiredError, SignatureMismatchError

DATE_HEADER = b"x-sdk-date"
WINDOW = timedelta(minutes=15)

_FORM = re.compile(rb"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z")


def parse_date(text: bytes) -> datetime:
    """Parse the date header.

    Parameters
    ----------
    text : bytes
        ``YYYYMMDDTHHMMSSZ``.

    Returns
    -------
    datetime
        Aware, in UTC.

    Raises
    ------
    SignatureMismatchError
        The text has another form, or names no instant.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise SignatureMismatchError("the header x-sdk-date has not the form YYYYMMDDTHHMMSSZ")
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise SignatureMismatchError("the header x-sdk-date names no instant") from error


def check_window(signed_at: datetime, now: datetime) -> None:
    """Refuse what was signed too long ago, or in the future.

    Parameters
    ----------
    signed_at : datetime
        From ``parse_date``.
    now : datetime
        The server's clock, aware.

    Raises
    ------
    SignatureExpiredError
        The two are more than 15 minutes apart.
    """
    if abs(now - signed_at) > WINDOW:
        raise SignatureExpiredError(
            "the request was signed more than 15 minutes from the server's time, which is "
            f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        )
