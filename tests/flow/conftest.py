from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from in_process import House, open_house


@pytest.fixture
def open_a_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    opened: list[House] = []

    def build(**options: Any) -> House:
        house = open_house(tmp_path, **options)
        opened.append(house)
        return house

    yield build
    for house in opened:
        house.close()


@pytest.fixture
def house(open_a_house: Callable[..., House]) -> House:
    return open_a_house()
