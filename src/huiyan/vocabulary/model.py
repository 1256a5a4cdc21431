"""What Huiyan can say about a picture: labels, their categories and their tree.

Owns: the shape of a label, its names in both languages, where it stands in the tree and which
model outputs mean it. Has no opinion on: which labels exist (the files under ``data`` say so), how
likely a label is for a picture, and how a label is written on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from huiyan.kernel.language import Bilingual, Language

LabelId = NewType("LabelId", str)
CategoryId = NewType("CategoryId", str)


@dataclass(frozen=True, slots=True)
class Category:
    """One of the fixed large groups that every label belongs to.

    Parameters
    ----------
    id : CategoryId
        Stable key, such as ``animal``.
    name : Bilingual
        What people read.
    """

    id: CategoryId
    name: Bilingual


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """One output of one model that stands for a label.

    Parameters
    ----------
    model : str
        The output layer's name, such as ``imagenet1k``: models that share an order of outputs
        share the name.
    index : int
        Position among the outputs, from 0.
    """

    model: str
    index: int


@dataclass(frozen=True, slots=True)
class Aliases:
    """Other words by which people look for a label.

    Parameters
    ----------
    zh : tuple of str
        Simplified Chinese; may be empty.
    en : tuple of str
        English; may be empty.
    """

    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()

    def pick(self, language: Language) -> tuple[str, ...]:
        """Give the aliases in one language.

        Parameters
        ----------
        language : {'zh', 'en'}
            The language wanted.

        Returns
        -------
        tuple of str
            The aliases; may be empty.
        """
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that can be said about a picture.

    Parameters
    ----------
    id : LabelId
        Stable kebab-case key, such as ``golden-retriever``.
    name : Bilingual
        What people read.
    category : Category
        The large group.
    parents : tuple of LabelId
        Broader labels that are true whenever this one is; empty at the top of the tree.
    aliases : Aliases
        Other words for it, for search.
    outputs : tuple of ModelOutput
        Model outputs that mean exactly this label; empty where only narrower labels have any.
    """

    id: LabelId
    name: Bilingual
    category: Category
    parents: tuple[LabelId, ...]
    aliases: Aliases
    outputs: tuple[ModelOutput, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All labels in a fixed order, and all categories.

    Parameters
    ----------
    labels : tuple of Label
        In rising order of id; a label's place here is its row in every array of scores.
    categories : tuple of Category
        In the order of their file.
    row_by_id : mapping of LabelId to int
        The inverse of `labels`.
    """

    labels: tuple[Label, ...]
    categories: tuple[Category, ...]
    row_by_id: Mapping[LabelId, int]

    def find(self, label_id: str) -> Label | None:
        """Look a label up.

        Parameters
        ----------
        label_id : str
            The id to look for.

        Returns
        -------
        Label or None
            The label, or None where there is no such id.
        """
        row = self.row_by_id.get(LabelId(label_id))
        return None if row is None else self.labels[row]
