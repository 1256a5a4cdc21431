"""The tree of labels, and folding a model's scores up it.

Owns: what lies above what, and the arrays that turn a model's outputs into scores of all labels.
Has no opinion on: what a score means, whether it is calibrated, and which labels to keep.

The tree is a directed acyclic graph: a label may have several parents. A broader label's score is
the sum over all outputs below it, each counted once even where several paths lead to it, so that
an uncertain picture still gets a certain broad label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huiyan.kernel.errors import VocabularyError
from huiyan.vocabulary.model import Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """Which outputs of one model lie at or below each label, as compressed sparse rows.

    Parameters
    ----------
    offsets : ndarray of shape (n_labels + 1,), int64
        Row ``i`` of the matrix is ``indices[offsets[i]:offsets[i + 1]]``; may be empty.
    indices : ndarray of shape (n_entries,), int64
        Output indices in [0, n_outputs), rising within a row, none twice.
    n_outputs : int
        How many outputs the model has.
    """

    offsets: NDArray[np.int64]
    indices: NDArray[np.int64]
    n_outputs: int

    def row(self, label_row: int) -> NDArray[np.int64]:
        """Give the outputs at or below one label.

        Parameters
        ----------
        label_row : int
            The label's place in the vocabulary.

        Returns
        -------
        ndarray of shape (k,), int64
            Output indices, rising; a view; k may be 0.
        """
        return self.indices[self.offsets[label_row] : self.offsets[label_row + 1]]


def topological_order(vocabulary: Vocabulary) -> tuple[int, ...]:
    """Order the labels so that each comes after all its parents.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels; every parent is among them.

    Returns
    -------
    tuple of int
        Each row of the vocabulary once.

    Raises
    ------
    VocabularyError
        The parents run in a circle.
    """
    children: list[list[int]] = [[] for _ in vocabulary.labels]
    waiting_for = [len(label.parents) for label in vocabulary.labels]
    for row, label in enumerate(vocabulary.labels):
        for parent in label.parents:
            children[vocabulary.row_by_id[parent]].append(row)
    order = [row for row, count in enumerate(waiting_for) if count == 0]
    for row in order:  # grows while it is walked
        for child in children[row]:
            waiting_for[child] -= 1
            if waiting_for[child] == 0:
                order.append(child)
    if len(order) < len(vocabulary.labels):
        stuck = sorted({label.id for label in vocabulary.labels} - _ids(vocabulary, order))
        raise VocabularyError(f"parents run in a circle at or above: {', '.join(stuck)}")
    return tuple(order)


def ancestor_rows(vocabulary: Vocabulary) -> tuple[tuple[int, ...], ...]:
    """Find everything that lies above each label.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels.

    Returns
    -------
    tuple of tuple of int
        For each label the rows of all its ancestors, rising, each once, itself not among them;
        empty at the top of the tree.
    """
    above: list[set[int]] = [set() for _ in vocabulary.labels]
    for row in topological_order(vocabulary):
        for parent in vocabulary.labels[row].parents:
            parent_row = vocabulary.row_by_id[parent]
            above[row] |= {parent_row, *above[parent_row]}
    return tuple(tuple(sorted(rows)) for rows in above)


def membership_of(vocabulary: Vocabulary, model: str, n_outputs: int) -> Membership:
    """Precompute which outputs of a model lie at or below each label.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels.
    model : str
        The output layer's name, such as ``imagenet1k``.
    n_outputs : int
        How many outputs the model has.

    Returns
    -------
    Membership
        One row for each label. An output that no label claims is in no row.

    Raises
    ------
    VocabularyError
        A label claims an output that the model does not have.
    """
    below: list[set[int]] = [set() for _ in vocabulary.labels]
    for row, label in enumerate(vocabulary.labels):
        own = {output.index for output in label.outputs if output.model == model}
        if not own:
            continue
        if max(own) >= n_outputs:
            raise VocabularyError(f"{label.id}: {model}:{max(own)} is not below {n_outputs}")
        for member_row in _with_ancestors(vocabulary, row):
            below[member_row] |= own
    offsets = np.zeros(len(below) + 1, dtype=np.int64)
    offsets[1:] = np.cumsum([len(outputs) for outputs in below])
    flat = [index for outputs in below for index in sorted(outputs)]
    return Membership(offsets, np.array(flat, dtype=np.int64), n_outputs)


def _with_ancestors(vocabulary: Vocabulary, row: int) -> set[int]:
    """Walk up from one label: few labels have outputs of a given model, so few walks are needed."""
    found: set[int] = set()
    waiting = [row]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += [vocabulary.row_by_id[it] for it in vocabulary.labels[current].parents]
    return found


def fold(membership: Membership, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add up a model's scores over all outputs at or below each label.

    Parameters
    ----------
    membership : Membership
        From `membership_of`.
    scores : ndarray of shape (..., n_outputs), float32
        One score for each output of the model.

    Returns
    -------
    ndarray of shape (..., n_labels), float32
        Sums, 0 for a label with no outputs below it. Sums of probabilities may exceed 1 by
        rounding.
    """
    return _reduce(membership, scores, np.add)


def fold_any(membership: Membership, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find the probability that any of the outputs at or below each label is there.

    Parameters
    ----------
    membership : Membership
        From `membership_of`.
    scores : ndarray of shape (..., n_outputs), float32
        The probability of each output, in [0, 1]; taken as independent of each other, which holds
        for things that stand side by side and not for names that exclude each other.

    Returns
    -------
    ndarray of shape (..., n_labels), float32
        In [0, 1]; 0 for a label with no outputs below it.
    """
    nearly_one = np.float32(1) - np.finfo(np.float32).eps
    absent = fold(membership, np.log1p(-np.minimum(scores, nearly_one)))
    any_is_there: NDArray[np.float32] = -np.expm1(absent)
    return any_is_there


def fold_best(membership: Membership, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find the greatest score of all outputs at or below each label.

    Parameters
    ----------
    membership : Membership
        From `membership_of`.
    scores : ndarray of shape (..., n_outputs), float32
        One score for each output, at least 0.

    Returns
    -------
    ndarray of shape (..., n_labels), float32
        0 for a label with no outputs below it.
    """
    return _reduce(membership, scores, np.maximum)


def own_rows(vocabulary: Vocabulary, model: str, n_outputs: int) -> NDArray[np.int64]:
    """Find the label that each output of a model means.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels.
    model : str
        The output layer's name.
    n_outputs : int
        How many outputs the model has.

    Returns
    -------
    ndarray of shape (n_outputs,), int64
        Rows of the vocabulary.

    Raises
    ------
    VocabularyError
        An output belongs to no label, or a label claims one that the model does not have.
    """
    rows = np.full(n_outputs, -1, np.int64)
    for row, label in enumerate(vocabulary.labels):
        for output in label.outputs:
            if output.model == model:
                if output.index >= n_outputs:
                    raise VocabularyError(
                        f"{label.id}: {model}:{output.index} is not below {n_outputs}"
                    )
                rows[output.index] = row
    homeless = np.flatnonzero(rows < 0)
    if len(homeless):
        raise VocabularyError(f"no label has {model}:{homeless[0]}")
    return rows


def _reduce(
    membership: Membership, scores: NDArray[np.float32], reduction: np.ufunc
) -> NDArray[np.float32]:
    n_labels = len(membership.offsets) - 1
    folded = np.zeros((*scores.shape[:-1], n_labels), dtype=np.float32)
    filled = np.flatnonzero(np.diff(membership.offsets))
    if len(filled):  # reduceat has no notion of an empty row, so only filled ones take part
        gathered = scores[..., membership.indices]
        folded[..., filled] = reduction.reduceat(gathered, membership.offsets[filled], axis=-1)
    return folded


def _ids(vocabulary: Vocabulary, rows: list[int]) -> set[str]:
    return {vocabulary.labels[row].id for row in rows}
