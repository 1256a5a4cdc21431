"""The program in the guide to accounts runs as it is printed, by the vendor's client."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_pictures import jpeg
from official_iam import open_iam

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "iam.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def program() -> str:
    text = GUIDE.read_text("utf-8")
    example = text.partition("## A worked example")[2].partition("\n## ")[0]
    return "\n".join(BLOCK.findall(example))


def test_the_worked_example_runs_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def show(*words: object) -> None:
        shown.append(" ".join(str(word) for word in words))

    (tmp_path / "cat.jpg").write_bytes(jpeg())
    monkeypatch.chdir(tmp_path)
    with open_iam(tmp_path) as opened:
        server = opened.server
        text = program()
        for printed, real in (
            ("http://127.0.0.1:8686", server.url),
            ("<AK>", server.owner_key.access),
            ("<SK>", server.owner_key.secret),
        ):
            assert printed in text
            text = text.replace(printed, real)
        exec(compile(text, str(GUIDE), "exec"), {"print": show})  # noqa: S102 -- our own page
    by_key, by_token, by_temporary_key, key_refused, token_refused = shown
    assert "dog" in by_key
    assert "dog" in by_token
    assert by_temporary_key == by_key
    assert key_refused == "403 APIGW.0302"
    assert token_refused == "403"
