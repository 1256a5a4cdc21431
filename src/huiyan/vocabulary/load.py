"""Reading the vocabulary's files.

Owns: the file format and every rule that a file can break by itself or against another file; a
fault names the file and the line. Has no opinion on: whether a model's outputs are all covered, or
how good a translation is (tests of the data look at both).

A file of labels is tab-separated UTF-8 with the header `LABEL_COLUMNS`; lists inside a cell are
separated by semicolons. ``categories.tsv`` has the header `CATEGORY_COLUMNS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import NamedTuple

from huiyan.kernel.errors import VocabularyError
from huiyan.kernel.language import LANGUAGES, Bilingual
from huiyan.vocabulary.model import (
    Aliases,
    Category,
    CategoryId,
    Label,
    LabelId,
    ModelOutput,
    Vocabulary,
)
from huiyan.vocabulary.tree import topological_order

CATEGORIES_FILE = "categories.tsv"
CATEGORY_COLUMNS = ("id", "en", "zh")
LABEL_COLUMNS = (
    "id",
    "en",
    "zh",
    "category",
    "parents",
    "aliases_en",
    "aliases_zh",
    "outputs",
)

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_OUTPUT = re.compile(r"([a-z0-9_]+):(\d+)", re.ASCII)


class _Line(NamedTuple):
    """One line of a file, split into cells, that knows where it stands."""

    file_name: str
    number: int
    cells: tuple[str, ...]

    def fault(self, detail: str) -> VocabularyError:
        return VocabularyError(f"{self.file_name}:{self.number}: {detail}")

    def identifier(self) -> str:
        if _ID.fullmatch(self.cells[0]) is None:
            raise self.fault(f"id {self.cells[0]!r} is not kebab-case ASCII")
        return self.cells[0]

    def name(self) -> Bilingual:
        if not self.cells[1] or not self.cells[2]:
            raise self.fault("a name is missing")
        return Bilingual(zh=self.cells[2], en=self.cells[1])

    def items(self, column: int) -> tuple[str, ...]:
        """Split one cell's list; an empty cell is an empty list."""
        if not self.cells[column]:
            return ()
        items = tuple(self.cells[column].split(";"))
        if "" in items or tuple(map(str.strip, items)) != items:
            raise self.fault(f"{LABEL_COLUMNS[column]} holds an empty or padded item")
        if len(items) > 1 and len(set(items)) < len(items):
            raise self.fault(f"{LABEL_COLUMNS[column]} names an item twice")
        return items

    def outputs(self) -> tuple[ModelOutput, ...]:
        return tuple(map(self._parse_output, self.items(7)))

    def _parse_output(self, item: str) -> ModelOutput:
        match = _OUTPUT.fullmatch(item)
        if match is None:
            raise self.fault(f"output {item!r} is not written model:index")
        return ModelOutput(match[1], int(match[2]))


def load_vocabulary(folder: Traversable | None = None) -> Vocabulary:
    """Read all files of a vocabulary.

    Parameters
    ----------
    folder : Traversable, optional
        The folder with ``categories.tsv`` and the files of labels (every other ``*.tsv``); the
        one shipped with Huiyan by default.

    Returns
    -------
    Vocabulary
        Labels in rising order of id.

    Raises
    ------
    VocabularyError
        A line is malformed, an id, name or output stands twice, a category or parent is unknown,
        or the parents run in a circle.
    """
    if folder is None:
        folder = resources.files("huiyan.vocabulary") / "data"
    categories = _parse_categories(folder)
    line_by_id: dict[LabelId, _Line] = {}
    labels: list[Label] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".tsv") or entry.name == CATEGORIES_FILE:
            continue
        for line in _read_lines(entry, LABEL_COLUMNS):
            label = _parse_label(line, categories)
            if label.id in line_by_id:
                first = line_by_id[label.id]
                raise line.fault(f"id {label.id!r} stands in {first.file_name}:{first.number} too")
            line_by_id[label.id] = line
            labels.append(label)
    labels.sort(key=lambda label: label.id)
    _check_parents(labels, line_by_id)
    _check_nothing_twice(labels, line_by_id)
    vocabulary = Vocabulary(
        labels=tuple(labels),
        categories=tuple(categories.values()),
        row_by_id=MappingProxyType({label.id: row for row, label in enumerate(labels)}),
    )
    topological_order(vocabulary)  # raises on a circle
    return vocabulary


def _read_lines(entry: Traversable, columns: tuple[str, ...]) -> Iterator[_Line]:
    """Split a file into lines of as many cells as its header has."""
    try:
        text = entry.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VocabularyError(f"{entry.name}: cannot be read: {error}") from error
    rows = text.removesuffix("\n").split("\n")
    if tuple(rows[0].split("\t")) != columns:
        raise VocabularyError(f"{entry.name}:1: the header is not {' '.join(columns)}")
    for number, row in enumerate(rows[1:], start=2):
        line = _Line(entry.name, number, tuple(row.split("\t")))
        if len(line.cells) != len(columns):
            raise line.fault(f"{len(line.cells)} cells instead of {len(columns)}")
        if tuple(map(str.strip, line.cells)) != line.cells:
            raise line.fault("a cell starts or ends with white space")
        yield line


def _parse_categories(folder: Traversable) -> dict[CategoryId, Category]:
    categories: dict[CategoryId, Category] = {}
    for line in _read_lines(folder / CATEGORIES_FILE, CATEGORY_COLUMNS):
        category = Category(CategoryId(line.identifier()), line.name())
        if category.id in categories:
            raise line.fault(f"category {category.id!r} stands twice")
        categories[category.id] = category
    return categories


def _parse_label(line: _Line, categories: Mapping[CategoryId, Category]) -> Label:
    category = categories.get(CategoryId(line.cells[3]))
    if category is None:
        raise line.fault(f"unknown category {line.cells[3]!r}")
    return Label(
        id=LabelId(line.identifier()),
        name=line.name(),
        category=category,
        parents=tuple(LabelId(item) for item in line.items(4)),
        aliases=Aliases(zh=line.items(6), en=line.items(5)),
        outputs=line.outputs(),
    )


def _check_parents(labels: list[Label], line_by_id: Mapping[LabelId, _Line]) -> None:
    for label in labels:
        for parent in label.parents:
            if parent not in line_by_id:
                raise line_by_id[label.id].fault(f"unknown parent {parent!r}")


def _check_nothing_twice(labels: list[Label], line_by_id: Mapping[LabelId, _Line]) -> None:
    """Refuse a name or a model output that two labels claim."""
    owner_by_claim: dict[tuple[str, str | int], LabelId] = {}
    for label in labels:
        for kind, claim in _claims(label):
            owner = owner_by_claim.setdefault((kind, claim), label.id)
            if owner != label.id:
                raise line_by_id[label.id].fault(f"{kind} {claim!r} belongs to {owner!r}")


def _claims(label: Label) -> Iterator[tuple[str, str | int]]:
    for language in LANGUAGES:
        yield f"{language} name", label.name.pick(language).casefold()
    for output in label.outputs:
        yield f"{output.model} output", output.index
