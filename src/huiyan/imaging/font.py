"""A font that can write Chinese.

Owns: finding one, and proving that it has the glyphs before anything is drawn. Has no opinion on:
where the model store keeps its own font; the caller hands its path in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import ImageFont, features

from huiyan.kernel.errors import ModelMissingError

_SAMPLE = "慧眼识图门骨"
_UNASSIGNED = "\U0010fffd"
_CHECK_SIZE_PX = 24
_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
_NAMES = (
    "notosanssc", "notosanscjk", "sourcehansans", "wqy-microhei", "wqy-zenhei", "droidsansfallback",
    "pingfang", "hiragino sans gb", "stheiti", "msyh", "simhei", "notoserifcjk", "simsun", "uming",
)  # fmt: skip
_SUFFIXES = frozenset({".otf", ".ttf", ".ttc", ".otc"})


def list_system_fonts() -> tuple[Path, ...]:
    """List installed fonts that usually write Chinese.

    Returns
    -------
    tuple of Path
        Best first; empty on a bare machine.
    """
    found: list[tuple[int, Path]] = []
    for folder in _FOLDERS:
        for path in Path(folder).expanduser().rglob("*"):
            name = path.name.lower()
            if path.suffix.lower() in _SUFFIXES:
                found += [(rank, path) for rank, part in enumerate(_NAMES) if name.startswith(part)]
    return tuple(path for _, path in sorted(found))


def find_font(candidates: Iterable[Path]) -> Path:
    """Find the first font that writes simplified Chinese.

    Parameters
    ----------
    candidates : iterable of Path
        Files to try, best first: usually the model store's, then `list_system_fonts`.

    Returns
    -------
    Path
        The first that opens and has the glyphs.

    Raises
    ------
    ModelMissingError
        None does; the text has the command that installs one.
    """
    for path in candidates:
        try:
            if path.is_file() and not find_missing_glyphs(load_font(path, _CHECK_SIZE_PX), _SAMPLE):
                return path
        except OSError:
            continue
    raise ModelMissingError(
        "no font with Chinese glyphs was found; install one with: huiyan models pull --font"
    )


def load_font(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    """Open a font.

    Parameters
    ----------
    path : Path
        The file.
    size_px : int
        The em square in px; at least 1.

    Returns
    -------
    FreeTypeFont
        Laid out by Raqm where it is there, so that the language can choose among regional shapes.
    """
    has_raqm = features.check("raqm")
    engine = ImageFont.Layout.RAQM if has_raqm else ImageFont.Layout.BASIC
    return ImageFont.truetype(str(path), size_px, layout_engine=engine)


def find_missing_glyphs(font: ImageFont.FreeTypeFont, text: str) -> str:
    """Find the characters that a font would draw as squares.

    Parameters
    ----------
    font : FreeTypeFont
        The font.
    text : str
        What is to be drawn.

    Returns
    -------
    str
        The missing characters, each once, in order; empty if all are there.
    """
    square = bytes(font.getmask(_UNASSIGNED))
    characters = dict.fromkeys(text)
    return "".join(
        character
        for character in characters
        if not character.isspace() and bytes(font.getmask(character)) == square
    )


def require_glyphs(font: ImageFont.FreeTypeFont, texts: Sequence[str]) -> None:
    """Make sure that a font has every glyph.

    Parameters
    ----------
    font : FreeTypeFont
        The font.
    texts : sequence of str
        What is to be drawn.

    Raises
    ------
    ModelMissingError
        A glyph is missing; the text has the command that installs a fuller font.
    """
    missing = find_missing_glyphs(font, "".join(texts))
    if missing:
        raise ModelMissingError(
            f"the font {font.getname()[0]} has no glyphs for {missing[:20]}; "
            "install one with: huiyan models pull --font"
        )
