"""The photographs of barcodes as one more collector.

Owns: which of their labels are recaptures, and the folds that are left out in turn. Has no opinion
on: what the networks are shown of them (`recapture_views`), and what they count
(`recapture_fit`).

Nobody tells who took them. Photographs with the same text in their code are kept in one fold; one
whose code cannot be read stands alone, so the same product may then be in two folds.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from head_views import read_pixels
from numpy.typing import NDArray
from recapture_looks import Labels
from recapture_views import ORIGINAL, PRINT, SCREEN, Crop, LabelledFile, as_image

from huiyan.perception.barcode import find_barcodes

FOLD_COUNT = 5
COLLECTOR = "photographs of codes"
MEDIA = {"product": ORIGINAL, "first_print": ORIGINAL, "screen": SCREEN, "second_print": PRINT}
"""A code's first print is the thing itself; only a print of its photograph is a recapture."""


def crops_of(files: tuple[LabelledFile, ...]) -> tuple[Crop, ...]:
    """Take photographs of codes as crops that are their own whole pictures.

    Parameters
    ----------
    files : tuple of LabelledFile
        The rows of ``barcode_photos``.

    Returns
    -------
    tuple of Crop
        In their order, by labels of `MEDIA`.
    """
    return tuple(
        Crop(
            path=file.path,
            overview_path=file.path,
            label=MEDIA[file.label],
            collector=COLLECTOR,
            full_long_px=max(read_pixels(file.path).shape),
            is_guessable=False,
        )
        for file in files
    )


def texts_of(files: tuple[LabelledFile, ...]) -> tuple[str, ...]:
    """Read the codes.

    Parameters
    ----------
    files : tuple of LabelledFile
        The photographs.

    Returns
    -------
    tuple of str
        The text of each one's largest code; empty where none can be read.
    """
    found = (find_barcodes(as_image(read_pixels(file.path))) for file in files)
    return tuple(codes[0].text if codes else "" for codes in found)


def folds_of(labels: tuple[str, ...], names: tuple[str, ...], texts: tuple[str, ...]) -> list[str]:
    """Deal photographs into folds, each label evenly.

    Parameters
    ----------
    labels, names, texts : tuple of str
        Label, file name and code of each.

    Returns
    -------
    list of str
        The fold of each. Those of one text share one; beyond that, hashes of text or name decide
        the order in which each label's are dealt out.
    """
    keys = [text or name for text, name in zip(texts, names, strict=True)]
    first = dict(zip(reversed(keys), reversed(labels), strict=True))
    order = sorted(first, key=lambda key: hashlib.sha256(key.encode()).digest())
    dealt: dict[str, int] = {}
    fold: dict[str, str] = {}
    for key in order:
        number = dealt.get(first[key], 0)
        dealt[first[key]] = number + 1
        fold[key] = f"{COLLECTOR}, fold {number % FOLD_COUNT}"
    return [fold[key] for key in keys]


def labels_of_codes(files: tuple[LabelledFile, ...]) -> Labels:
    """Collect what is known of photographs of codes.

    Parameters
    ----------
    files : tuple of LabelledFile
        The photographs.

    Returns
    -------
    Labels
        In their order; folds stand for collectors.
    """
    labels = tuple(file.label for file in files)
    names = tuple(file.path.name for file in files)
    return Labels(
        np.array([MEDIA[label] for label in labels]),
        np.array(folds_of(labels, names, texts_of(files))),
        np.zeros(len(files), np.bool_),
    )


def fold_files(
    files: tuple[LabelledFile, ...], folds: NDArray[np.str_]
) -> tuple[LabelledFile, ...]:
    """Take folds for collectors.

    Parameters
    ----------
    files : tuple of LabelledFile
        The photographs.
    folds : ndarray of shape (N,), str
        The fold of each.

    Returns
    -------
    tuple of LabelledFile
        The same, to be judged by what has not seen their fold.
    """
    return tuple(
        replace(file, collector=str(fold)) for file, fold in zip(files, folds, strict=True)
    )
