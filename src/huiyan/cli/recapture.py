"""``huiyan recapture``: whether pictures of this machine are of a screen or a print.

Owns: what is asked, how answers are shown, and what a heat map is made of. Has no opinion on: how
pictures are judged, and how the map looks (``imaging.draw_heat``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from huiyan.assembly import Assembly
from huiyan.cli.drawing import HERE, DrawingTarget, check_target
from huiyan.cli.numbers import NumberRange
from huiyan.cli.pictures import (
    Answer,
    Question,
    ask_all,
    json_lines_option,
    pictures_argument,
    print_all,
    require_pictures,
)
from huiyan.cli.recapture_words import MEDIUM_NAMES, SUGGESTION_NAMES
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.draw_heat import CodeOutline, HeatMap, HeatSquare, HeatWords, draw_heat
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import PictureError, StoreError
from huiyan.kernel.language import Bilingual
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.local import open_recognition
from huiyan.recapture.capability import PICTURE_LIMITS, recapture_capabilities
from huiyan.recapture.model import Medium, PatchEvidence, Suggestion
from huiyan.recapture.wire import DEFAULT_THRESHOLD, LABELS, SUGGESTION_TEXTS

DENSE_PATCHES = 100
"""Places of the heat map: enough to see a bezel's edge, at about a second a picture."""

_SUGGESTION_BY_TEXT = {text: suggestion for suggestion, text in SUGGESTION_TEXTS.items()}


class DenseLooker(Protocol):
    """What looks at a picture place by place."""

    def look_densely(self, image: Image, max_patches: int) -> tuple[PatchEvidence, ...]:
        """Judge a regular grid of places.

        Parameters
        ----------
        image : Image
            Upright, at full size.
        max_patches : int
            At most so many places.

        Returns
        -------
        tuple of PatchEvidence
            What each says by itself.
        """


@click.command(short_help="Original, screen or print · 翻拍检测")
@pictures_argument
@click.option(
    "--threshold",
    type=NumberRange(0, 1),
    default=DEFAULT_THRESHOLD,
    show_default=True,
    help="From which probability a picture counts as recaptured. 判为翻拍的最低概率。",
)
@json_lines_option
@click.option(
    "--draw",
    is_flag=False,
    flag_value=HERE,
    callback=check_target,
    metavar="[OUT]",
    help="Draw where the evidence is, as a heat map, into a PNG or folder OUT, else here. "
    "画出证据热力图，写入 OUT（PNG 文件或目录），不写则写入当前目录。",
)
@click.pass_obj
def recapture(
    settings: Settings,
    pictures: tuple[str, ...],
    *,
    threshold: float,
    as_json: bool,
    draw: str | None,
) -> None:
    """Tell whether pictures show the thing itself, a screen or a print; name files, folders, globs.

    判断图片是实拍还是翻拍（屏幕或打印件）：文件、目录或通配符。
    """
    paths = require_pictures(pictures)
    target = None
    if draw is not None:
        single = len(paths) == 1
        target = DrawingTarget(settings, Path(draw), single=single, suffix=".recapture.png")
    recogniser = Assembly(settings).recapture
    capability, _older = recapture_capabilities(recogniser)
    question = Question(capability, {"threshold": threshold, "explain": True})
    recognition = open_recognition(settings)
    answers = ask_all(recognition, question, paths, settings.resolved_compute_threads())
    drawing = None
    if target is not None:
        budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
        drawing = _HeatDrawing(target, recogniser, budget)
    print_all(answers, as_json=as_json, show=_show, draw=None if drawing is None else drawing.draw)


@dataclass(frozen=True, slots=True)
class _HeatDrawing:
    """Draws where the evidence is."""

    target: DrawingTarget
    looker: DenseLooker
    budget: MemoryBudget

    def draw(self, answer: Answer) -> None:
        try:
            # At full size, because the traces are in the picture's own pixels.
            image = decode(answer.path.read_bytes(), PICTURE_LIMITS, None, self.budget)
        except (OSError, PictureError) as error:
            raise StoreError(f"{answer.name} changed while it was looked at: {error}") from error
        explained: dict[str, Any] = answer.body["result"]["huiyan"]
        # All is told in px of the full picture, and one too large for the budget came back reduced.
        shrink = image.pixels.shape[1] / image.size_wh[0]

        def square(left: float, top: float, side: float, score: float) -> HeatSquare:
            return HeatSquare(
                round(left * shrink), round(top * shrink), round(side * shrink), score
            )

        framed = tuple(
            square(it["left"], it["top"], it["side"], it["recaptured"])
            for it in explained["patches"]
        )
        field = tuple(
            square(it.left_px, it.top_px, it.side_px, it.recaptured)
            for it in self.looker.look_densely(image, DENSE_PATCHES)
        )
        codes: tuple[CodeOutline, ...] = ()
        if (code := explained["barcode"]) is not None:
            corners = tuple((float(x) * shrink, float(y) * shrink) for x, y in code["corners"])
            codes = (CodeOutline(corners, _spell_code(code)),)
        heat_map = HeatMap(field, framed, codes)
        drawn = draw_heat(image.pixels, heat_map, _words(answer), self.target.font_path)
        self.target.write(answer.path, drawn)


def _show(answer: Answer) -> None:
    console = Console()
    console.print(answer.name, style="bold", markup=False, soft_wrap=True)
    result = answer.body["result"]
    table = Table(show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("suggestion · 结论", _both(_suggestion(result)))
    table.add_row("recaptured · 翻拍概率", f"{_recaptured_percent(result):.1f} %")
    explained = result["huiyan"]
    table.add_row("medium · 介质", _both(MEDIUM_NAMES[Medium(explained["medium"])]))
    for medium, name in MEDIUM_NAMES.items():
        share = explained["probabilities"][medium.value]
        table.add_row(Text(f"  {_both(name)}", style="dim"), f"{100 * share:.1f} %")
    code = explained["barcode"]
    # What a code says is a stranger's choice: it is no markup.
    table.add_row("code · 条码", Text("–" if code is None else _spell_code(code)))
    console.print(table)


def _words(answer: Answer) -> HeatWords:
    result = answer.body["result"]
    shares = result["huiyan"]["probabilities"]
    screen, print_ = (
        f"{_both(MEDIUM_NAMES[it])} {100 * shares[it.value]:.1f} %"
        for it in (Medium.SCREEN, Medium.PRINT)
    )
    high = _both(SUGGESTION_NAMES[Suggestion.RECAPTURED])
    return HeatWords(
        lines=(
            ("suggestion · 结论:", _both(_suggestion(result))),
            (f"{high} {_recaptured_percent(result):.1f} %", f"= {screen}", f"+ {print_}"),
        ),
        low=_both(MEDIUM_NAMES[Medium.ORIGINAL]),
        high=high,
    )


def _suggestion(result: Mapping[str, Any]) -> Bilingual:
    return SUGGESTION_NAMES[_SUGGESTION_BY_TEXT[result["suggestion"]]]


def _recaptured_percent(result: Mapping[str, Any]) -> float:
    (confidence,) = (it["confidence"] for it in result["detail"] if it["label"] == LABELS[1])
    return 100 * float(confidence)


def _spell_code(code: Mapping[str, Any]) -> str:
    return f"{code['format']}: {code['text']}"


def _both(text: Bilingual) -> str:
    return f"{text.en} · {text.zh}"
