"""The two languages in which people read answers.

Owns: the language codes and bilingual text. Has no opinion on: any word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]
"""A language of answers: simplified Chinese or English."""

LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One text in both languages.

    Parameters
    ----------
    zh : str
        Simplified Chinese.
    en : str
        English.
    """

    zh: str
    en: str

    def pick(self, language: Language) -> str:
        """Give the text in one language.

        Parameters
        ----------
        language : {'zh', 'en'}
            The language wanted.

        Returns
        -------
        str
            The text.
        """
        return self.zh if language == "zh" else self.en
