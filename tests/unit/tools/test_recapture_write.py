import hashlib
from pathlib import Path

import pytest

from huiyan.runtime.card import parse_card

pytest.importorskip("torch")
recapture_export = pytest.importorskip("recapture_export")


@pytest.mark.parametrize("name", ["lite0", "lite2"])
def test_a_card_states_the_file_that_was_written_and_nothing_else_changes(name: str) -> None:
    card = Path(recapture_export.PACKAGE / f"runtime/cards/recapture-{name}.toml").read_text(
        "utf-8"
    )
    stated = recapture_export.state_file(card, b"a network")
    found = parse_card(stated, name)
    assert found.sha256 == hashlib.sha256(b"a network").hexdigest()
    assert found.size_bytes == 9
    changed = [
        line
        for line, other in zip(card.splitlines(), stated.splitlines(), strict=True)
        if line != other
    ]
    assert [line.split(" = ")[0] for line in changed] == ["sha256", "size_bytes"]
    assert stated.endswith("\n")
