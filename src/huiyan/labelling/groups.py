"""Labels that only hold others together.

Owns: which they are, and what lies below each. Has no opinion on: when they are left out
(``labelling.model``).

``data/groups.txt`` holds their ids, one a line, sorted. A label belongs there when nobody would say
it of a picture beside the narrower one: "cup" and "drinkware", not "golden retriever" and "dog".
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from huiyan.kernel.errors import OperatorError
from huiyan.vocabulary.model import LabelId, Vocabulary
from huiyan.vocabulary.tree import ancestor_rows


def load_groups(
    vocabulary: Vocabulary, file: Traversable | None = None
) -> dict[int, frozenset[int]]:
    """Read which labels are groups, and find what lies below each.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels.
    file : Traversable, optional
        The list of ids; the one shipped with Huiyan by default.

    Returns
    -------
    dict of int to frozenset of int
        Rows of the vocabulary: of each group, and of everything below it, itself not among them.

    Raises
    ------
    OperatorError
        The file cannot be read, or names an id that there is not.
    """
    if file is None:
        file = resources.files("huiyan.labelling") / "data" / "groups.txt"
    try:
        ids = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{file.name}: cannot be read: {error}") from error
    below: dict[int, set[int]] = {}
    for label_id in ids:
        row = vocabulary.row_by_id.get(LabelId(label_id))
        if row is None:
            raise OperatorError(f"{file.name}: there is no label {label_id!r}")
        below[row] = set()
    for row, above in enumerate(ancestor_rows(vocabulary)):
        for group in below.keys() & set(above):
            below[group].add(row)
    return {group: frozenset(rows) for group, rows in below.items()}
