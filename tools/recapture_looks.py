"""What is known of the labelled pictures, and what the networks see of them.

Owns: the two tables that fitting starts from. Has no opinion on: how they are filled
(`recapture_bench`), and what is fitted on them (`recapture_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from recapture_views import ORIGINAL, Crop

from huiyan.kernel.units import FloatArray


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of the pictures.

    Parameters
    ----------
    labels : ndarray of shape (N,), str
        ``real``, ``screen`` or ``print``.
    collectors : ndarray of shape (N,), str
        Who took each.
    guessable : ndarray of shape (N,), bool
        Whether the file gives the label away.
    """

    labels: NDArray[np.str_]
    collectors: NDArray[np.str_]
    guessable: NDArray[np.bool_]

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Which are recaptures.

        Returns
        -------
        ndarray of shape (N,), bool
            Screens and prints.
        """
        recaptures: NDArray[np.bool_] = self.labels != ORIGINAL
        return recaptures

    def among(self, which: NDArray[np.bool_] | slice) -> Labels:
        """Take some of the pictures.

        Parameters
        ----------
        which : ndarray of shape (N,), bool or slice
            Those that are taken.

        Returns
        -------
        Labels
            In their order.
        """
        return Labels(self.labels[which], self.collectors[which], self.guessable[which])


def labels_of(crops: tuple[Crop, ...]) -> Labels:
    """Collect what is known of crops.

    Parameters
    ----------
    crops : tuple of Crop
        The pictures.

    Returns
    -------
    Labels
        In their order.
    """
    return Labels(
        np.array([crop.label for crop in crops]),
        np.array([crop.collector for crop in crops]),
        np.array([crop.is_guessable for crop in crops]),
    )


@dataclass(frozen=True, slots=True)
class Looks:
    """What one network sees of all pictures, as features.

    Parameters
    ----------
    corners : tuple of int
        Which of the four squares of a picture it judges, beside the other network.
    squares, altered_squares : ndarray of shape (N, views, D), float32
        At native resolution; `squares` are all four.
    recompressed_squares : ndarray of shape (N, corners, D), float32
        Those it judges, recompressed.
    views, altered_views : ndarray of shape (N, views, D), float32
        Of the whole pictures; the first of `views` is as the service sees it.
    simulated : ndarray of shape (originals, 6, D), float32
        Of `recapture_simulated.simulated_squares`.
    code_views : ndarray of shape (codes, 3, D), float32
        Of `recapture_simulated.code_views`.
    photo_squares, photo_views : ndarray of shape (photographs, views, D), float32
        Of photographs of codes, as they are and altered.
    tried : dict of str to ndarray of shape (some, corners + 1, D), float32
        Of every so many pictures, by what was done to them: squares it judges, whole picture.
    """

    corners: tuple[int, ...]
    squares: FloatArray
    altered_squares: FloatArray
    recompressed_squares: FloatArray
    views: FloatArray
    altered_views: FloatArray
    simulated: FloatArray
    code_views: FloatArray
    photo_squares: FloatArray
    photo_views: FloatArray
    tried: dict[str, FloatArray]
