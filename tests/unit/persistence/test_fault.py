from __future__ import annotations

import pytest
from sqlalchemy import make_url

from huiyan.kernel.errors import DatabaseError
from huiyan.persistence.database import open_database
from huiyan.persistence.fault import explain

IN_THE_QUERY = "postgresql+psycopg://u@/db?host=/absent&password=sekret"


@pytest.mark.parametrize(
    "url",
    [
        IN_THE_QUERY,
        "postgresql+psycopg://u:sekret@h/db",
        "postgresql+psycopg://u:sekret@h/db?sslkey=k&sslpassword=sekret",
        "postgresql+psycopg://u@h/db?options=-csekret",
    ],
)
def test_no_part_of_the_url_that_holds_credentials_is_shown(url: str) -> None:
    told = explain(RuntimeError("connection refused"), make_url(url))
    assert "sekret" not in told
    assert "/db: connection refused; check that the server runs" in told


def test_a_server_that_cannot_be_reached_is_told_without_the_querys_password() -> None:
    with pytest.raises(DatabaseError) as raised:
        open_database(IN_THE_QUERY)
    assert "check that the server runs" in raised.value.detail
    assert "sekret" not in raised.value.detail
