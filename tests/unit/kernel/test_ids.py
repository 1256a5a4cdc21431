"""Identifiers."""

from __future__ import annotations

import re

from huiyan.kernel.ids import new_hex_id, new_request_id


def test_an_id_is_32_lower_case_hexadecimal_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", new_hex_id())
    assert re.fullmatch(r"[0-9a-f]{32}", new_request_id())


def test_no_two_ids_are_equal() -> None:
    assert len({new_request_id() for _ in range(10_000)}) == 10_000
