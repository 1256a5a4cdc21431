"""Which photos of a person look like somebody else.

Owns: that judgement. Has no opinion on: what becomes of such a photo.
"""

from __future__ import annotations

import numpy as np

from huiyan.kernel.units import AnyArray, FloatArray

MIN_SIMILARITY = 0.3
"""Cosine; photos of one person lie above (``docs/celebrity.md``, "Import")."""


def find_odd(embeddings: FloatArray, known: FloatArray) -> AnyArray:
    """Find the photos that do not look like the others of the person.

    Photos that look alike, directly or by way of others, belong together; what does not belong to
    the largest group is odd. Where the person is known already, their group is the one.

    Parameters
    ----------
    embeddings : ndarray of shape (N, D), float32
        The photos', unit length.
    known : ndarray of shape (N,), float32
        Each photo's greatest cosine with a photo that is there already; NaN where none is.

    Returns
    -------
    ndarray of shape (N,), bool
        True for the odd ones. Of two photos that differ the second one is.
    """
    count = len(embeddings)
    alike = embeddings @ embeddings.T >= MIN_SIMILARITY
    is_known = ~np.isnan(known)
    group = np.arange(count)
    while True:
        # Each photo takes the least number among those it looks like, until nothing changes.
        least = np.where(alike, group, count).min(axis=1, initial=count)
        least = np.minimum(least, group)
        if (least == group).all():
            break
        group = least
    if is_known.any():
        chosen = np.unique(group[is_known & (np.nan_to_num(known, nan=-1.0) >= MIN_SIMILARITY)])
        return np.asarray(~np.isin(group, chosen))
    sizes = np.bincount(group, minlength=1)
    return np.asarray(group != int(np.argmax(sizes)))
