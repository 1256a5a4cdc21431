from __future__ import annotations

import json
from pathlib import Path

import pytest

from huiyan.evaluation.record import Record, read_record, render_record
from huiyan.kernel.errors import OperatorError

RECORD = Record(
    kind="media",
    huiyan="1.2.3",
    engine="Engine 4.5 (cpu)",
    cores=2,
    slicing="standard",
    set_name="照片",
    options={"--half": "all"},
    figures={"picture_count": 3, "map_fused": None, "kinds": [{"name": "dog", "ap": 0.5}]},
)


def test_what_was_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(render_record(RECORD), encoding="utf-8")
    assert read_record(path) == RECORD


def test_the_set_is_named_plainly() -> None:
    text = render_record(RECORD)
    assert json.loads(text)["set"] == "照片"
    assert "照片" in text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"picture_count": 4}',
        b'{"kind": "media", "figures": 3}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_an_operators_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(OperatorError, match=r"a\.json"):
        read_record(path)


def test_an_absent_file_is_an_operators_error(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"absent\.json"):
        read_record(tmp_path / "absent.json")
