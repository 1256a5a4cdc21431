"""Structured logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from huiyan.kernel.logs import configure_logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers = logging.getLogger().handlers[:]
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers


def test_a_json_event_is_one_object_a_line_with_chinese_readable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("json", "info")
    structlog.get_logger("one").info("call", path="图\n片", duration_ms=1.5)
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert event["event"] == "call"
    assert event["level"] == "info"
    assert event["path"] == "图\n片"
    assert event["timestamp"].endswith("Z")
    assert "图" in line


def test_a_console_event_is_one_line_even_with_a_line_break_inside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("console", "info")
    structlog.get_logger("two").info("call", path="a\nb")
    (line,) = capsys.readouterr().err.splitlines()
    assert "event=call" in line


def test_less_severe_events_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "warning")
    structlog.get_logger("three").info("call")
    assert capsys.readouterr().err == ""
