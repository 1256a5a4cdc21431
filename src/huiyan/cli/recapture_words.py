"""What the commands about recaptures call things.

Owns: the names of media and suggestions in both languages. Has no opinion on: when they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from huiyan.kernel.language import Bilingual
from huiyan.recapture.model import Medium, Suggestion

MEDIUM_NAMES: Mapping[Medium, Bilingual] = {
    Medium.ORIGINAL: Bilingual(zh="实拍", en="original"),
    Medium.SCREEN: Bilingual(zh="屏幕", en="screen"),
    Medium.PRINT: Bilingual(zh="打印", en="print"),
}

SUGGESTION_NAMES: Mapping[Suggestion, Bilingual] = {
    Suggestion.GENUINE: Bilingual(zh="实拍", en="genuine"),
    Suggestion.RECAPTURED: Bilingual(zh="翻拍", en="recaptured"),
    Suggestion.UNCERTAIN: Bilingual(zh="不确定", en="uncertain"),
}
