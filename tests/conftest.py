"""Fixtures that several test folders share: the labelled pictures and the pulled models.

Owns: where they are looked for, and that a test which needs what is absent is skipped and counted
aloud. Has no opinion on: what the tests do with them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import load_settings

if TYPE_CHECKING:
    from huiyan.runtime.store import ModelStore

TEST_DATA_VARIABLE = "HUIYAN_TEST_DATA"

_skipped_key = pytest.StashKey[dict[str, int]]()
_missing_key = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the counts of what was skipped."""
    config.stash[_missing_key] = {}
    config.stash[_skipped_key] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless ``-m`` asks for some, and skip those whose needs are absent."""
    if not config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("slow")]
        if slow:
            config.hook.pytest_deselected(items=slow)
            items[:] = [item for item in items if not item.get_closest_marker("slow")]
    for mark, why_not in (("data", _why_no_data), ("models", _why_no_models)):
        marked = [item for item in items if item.get_closest_marker(mark)]
        reason = why_not() if marked else ""
        if reason:
            config.stash[_missing_key][mark] = reason
            config.stash[_skipped_key][mark] = len(marked)
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say at the end how many tests did not run, and why."""
    for mark, count in config.stash[_skipped_key].items():
        reason = config.stash[_missing_key][mark]
        terminalreporter.write_line(
            f"NOT TESTED: {count} tests marked `{mark}` were skipped: {reason}",
            yellow=True,
            bold=True,
        )


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Tell where the labelled development pictures are; for tests marked ``data``."""
    reason = _why_no_data()
    if reason:
        pytest.skip(reason)
    return Path(os.environ[TEST_DATA_VARIABLE])


@pytest.fixture(scope="session")
def model_store() -> ModelStore:
    """Open the store that set-up filled; for tests marked ``models``."""
    reason = _why_no_models()
    if reason:
        pytest.skip(reason)
    return _open_store()


def _why_no_data() -> str:
    named = os.environ.get(TEST_DATA_VARIABLE)
    if not named:
        return f"{TEST_DATA_VARIABLE} does not name the folder of labelled pictures"
    if not Path(named).is_dir():
        return f"{TEST_DATA_VARIABLE}: no folder {named}"
    return ""


def _why_no_models() -> str:
    from huiyan.assembly import NEEDED_CARDS  # noqa: PLC0415 -- all models, seconds to import

    try:
        store = _open_store()
        for name in NEEDED_CARDS:
            store.path(store.card(name))
    except OperatorError as error:
        return f"the starter models cannot be used: {error}"
    return ""


def _open_store() -> ModelStore:
    from huiyan.assembly import open_store  # noqa: PLC0415 -- all models, seconds to import

    return open_store(load_settings())
