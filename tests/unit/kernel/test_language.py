"""Text in two languages."""

from __future__ import annotations

from huiyan.kernel.language import LANGUAGES, Bilingual


def test_each_language_picks_its_own_text() -> None:
    text = Bilingual(zh="狗", en="dog")
    assert [text.pick(language) for language in LANGUAGES] == ["狗", "dog"]
