"""Model cards: what a file is, what it may be used for, and where it comes from.

Owns: the fields of a card, how a card is read, and which cards an installation has. Has no opinion
on: fetching, storing or running what a card describes.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from huiyan.kernel.errors import CardError
from huiyan.runtime.card_source import STRICT, Source, Text

CardKind = Literal["model", "picture", "font"]
Precision = Literal["f32", "bf16"]

_MAX_CARD_BYTES = 64 * 1024

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CardInput:
    """One array that a network takes.

    Parameters
    ----------
    name : str
        The graph's own name of the input.
    shape : tuple of int
        Every side is fixed; the engine fixes a graph that leaves some open.
    dtype : str
        The array's dtype.
    layout : str
        Order of the axes, such as ``NHWC``.
    colour_order : {'RGB', 'BGR'}
        Order of the channels.
    normalisation : str
        What is done to 0-255 pixels before they go in.
    """

    name: Text
    shape: tuple[Annotated[int, Field(ge=1, le=65536)], ...]
    dtype: Literal["uint8", "float32"]
    layout: Literal["NHWC", "NCHW"]
    colour_order: Literal["RGB", "BGR"]
    normalisation: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CardOutput:
    """One array that a network gives.

    Parameters
    ----------
    name : str
        Our name for it, by which it is asked for.
    tap : str
        Where it is taken: ``tensor:NAME`` is a tensor by name, ``input-of-last:TYPE`` the first
        input of the last operation of a type, for tensors that have no name.
    shape, dtype : tuple of int, str
        Its form.
    meaning : str
        What the numbers say, with range and order.
    """

    name: Name
    tap: Annotated[str, Field(pattern=r"^(tensor|input-of-last):.{1,200}$")]
    shape: tuple[Annotated[int, Field(ge=1)], ...]
    dtype: Literal["uint8", "float32"]
    meaning: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Quality:
    """One published or measured figure.

    Parameters
    ----------
    measure : str
        What was measured, and on which data.
    value : float
        The figure, in the measure's unit.
    source : str
        Who says so.
    """

    measure: Text
    value: float
    source: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Card:
    """Everything that is known about one file before it is here.

    Parameters
    ----------
    name : str
        Unique, lower-case.
    task : str
        What it is for, such as ``image-classification``.
    kind : {'model', 'picture', 'font'}
        What the file is.
    version : str
        Which edition of the file this is.
    licence : str
        SPDX identifier.
    licence_text : str
        Where the licence's text and the evidence for it are.
    format, file_name : str
        File format, such as ``tflite``; the name that the file is kept under.
    sha256, size_bytes : str, int
        64 hex digits; the exact size.
    sources : tuple of Source
        Where it can be had, best first.
    default : bool
        Whether a plain ``huiyan models pull`` takes it.
    attribution : str
        The credit that the licence asks for or that courtesy gives.
    inputs, outputs : tuple
        What a network takes and gives; empty for other kinds.
    labels : str
        The label set that the outputs speak of; empty for none.
    packed_weights : bool
        Weights are integers only to keep the file small; they are unfolded when it is read.
    precision : {'f32', 'bf16'}
        Arithmetic of layers that are not quantised; ``bf16`` only where the processor has it.
    quality : tuple of Quality
        Published and measured figures.
    notes : str
        Whatever else a person should know.
    """

    name: Name
    task: Text
    kind: CardKind
    version: Text
    licence: Text
    licence_text: Text
    format: Name
    file_name: FileName
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Field(ge=1)]
    sources: Annotated[
        tuple[Annotated[Source, Field(discriminator="kind")], ...], Field(min_length=1)
    ]
    default: bool = False
    attribution: str = ""
    inputs: tuple[CardInput, ...] = ()
    outputs: tuple[CardOutput, ...] = ()
    labels: str = ""
    packed_weights: bool = False
    precision: Precision = "f32"
    quality: tuple[Quality, ...] = ()
    notes: str = ""

    def output(self, name: str) -> CardOutput:
        """Give one output by our name for it.

        Parameters
        ----------
        name : str
            The output's name in the card.

        Returns
        -------
        CardOutput
            The output.

        Raises
        ------
        CardError
            The card has no such output.
        """
        for candidate in self.outputs:
            if candidate.name == name:
                return candidate
        known = ", ".join(output.name for output in self.outputs) or "none"
        raise CardError(f"card {self.name}: no output {name!r}; it has: {known}")


def parse_card(text: str, origin: str, folder: Path | None = None) -> Card:
    """Read one card.

    Parameters
    ----------
    text : str
        The card as TOML.
    origin : str
        Where the text is from, for error messages.
    folder : Path, optional
        What relative ``path`` sources stand on; without it they are refused.

    Returns
    -------
    Card
        The card, with every ``path`` source absolute.

    Raises
    ------
    CardError
        No TOML, a key unknown or missing, or a value of a wrong type or form.
    """
    try:
        values = tomllib.loads(text)
        for source in values.get("sources", ()):
            if isinstance(source, dict) and source.get("kind") == "path":
                source["file"] = _absolute(source.get("file"), folder)
        # Through JSON, so that lists are tuples while everything else stays strict.
        card = TypeAdapter(Card).validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CardError(f"card {origin}: {where}: {first['msg']}") from error
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise CardError(f"card {origin}: {error}") from error
    if card.kind == "model" and not (card.inputs and card.outputs):
        raise CardError(f"card {origin}: a model needs inputs and outputs")
    names = [output.name for output in card.outputs]
    if len(set(names)) != len(names):
        raise CardError(f"card {origin}: two outputs share a name")
    return card


def _absolute(file: object, folder: Path | None) -> str:
    if not isinstance(file, str) or not file:
        raise ValueError("a path source needs a file")
    path = Path(file).expanduser()
    if path.is_absolute():
        return str(path)
    if folder is None:
        raise ValueError(f"the path {file} must be absolute here")
    return str((folder / path).absolute())


def load_cards(extra_dir: Path | None) -> tuple[Card, ...]:
    """Read the cards that come with Huiyan and those of the operator.

    Parameters
    ----------
    extra_dir : Path or None
        A folder of the operator's ``*.toml`` cards, which need not exist; a card there replaces
        the one of the same name that comes with Huiyan.

    Returns
    -------
    tuple of Card
        Sorted by name.

    Raises
    ------
    CardError
        A card is malformed, or two cards of one folder share a name.
    """
    cards = _load_folder(resources.files("huiyan.runtime").joinpath("cards"), None)
    if extra_dir is not None and extra_dir.is_dir():
        cards |= _load_folder(extra_dir, extra_dir)
    return tuple(cards[name] for name in sorted(cards))


def _load_folder(folder: Traversable, base: Path | None) -> dict[str, Card]:
    cards: dict[str, Card] = {}
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".toml"):
            continue
        card = parse_card(_read_text(entry), entry.name, base)
        if card.name in cards:
            raise CardError(f"card {entry.name}: the name {card.name} is taken by another card")
        cards[card.name] = card
    return cards


def _read_text(entry: Traversable) -> str:
    try:
        with entry.open("rb") as file:
            body = file.read(_MAX_CARD_BYTES + 1)
        if len(body) > _MAX_CARD_BYTES:
            raise CardError(f"card {entry.name}: larger than {_MAX_CARD_BYTES} bytes")
        return body.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(f"card {entry.name}: {error}") from error


def get_card(cards: Iterable[Card], name: str) -> Card:
    """Give the card of a name.

    Parameters
    ----------
    cards : iterable of Card
        The cards of the installation.
    name : str
        The name looked for.

    Returns
    -------
    Card
        The card.

    Raises
    ------
    CardError
        There is none; the text lists those there are.
    """
    known = tuple(cards)
    for card in known:
        if card.name == name:
            return card
    listed = ", ".join(card.name for card in known) or "none"
    raise CardError(f"no card is named {name!r}; there are: {listed}")
