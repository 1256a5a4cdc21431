"""What the audit log tells of a call's body and of its answer.

Owns: in which form and how much of each field. Has no opinion on: which fields there are; each
line of the table of calls names its own, so that nothing stands in the log that the call did not
read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from huiyan.iam.field import Document

VALUE_CHARACTERS = 255
"""The most that is told of one value; the longest that any call takes."""

DOCUMENT_CHARACTERS = 6144
"""The most that is told of one object; the longest policy that is taken."""

_LEVELS = 8
"""As deep as a policy goes. Told to this depth, no body is too deep to be told."""

_CUT = "…"
ID_FORM = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""What an id may look like, where a call knows no narrower form."""

_SET = "set"


@dataclass(frozen=True, slots=True)
class Telling:
    """Which fields of a body and of an answer are told, each named by its path (``user.name``).

    Nothing can be taken out of the log again, so what a caller writes where an id or a flag belongs
    is told only if it looks like one: it may be anything, for example somebody's name.

    Parameters
    ----------
    values : tuple of str
        Texts, numbers and flags, told as they are.
    flags : tuple of str
        Fields that are true or false; what is neither is not told.
    documents : tuple of str
        Objects, told as JSON.
    facts : tuple of str
        Fields whose values are nobody's business: only that they were set is told.
    ids : tuple of str
        Lists of ids, told as one text; what is no id is not told.
    made : str
        In the answer, the id of what came to be; empty for calls that make nothing.
    id_form : re.Pattern, default ID_FORM
        What an id looks like as a whole, in the path and in ``ids``.
    """

    values: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    made: str = ""
    id_form: re.Pattern[str] = ID_FORM

    @property
    def reads_body(self) -> bool:
        """Whether anything of the body is told."""
        return bool(self.values or self.flags or self.documents or self.facts or self.ids)

    def of_path(self, parts: Mapping[str, str]) -> dict[str, str]:
        """Tell the variable parts of a path.

        Parameters
        ----------
        parts : mapping of str to str
            By name, decoded, however hostile.

        Returns
        -------
        dict of str to str
            The same, with ``…`` in place of each that is no id.
        """
        return {
            name: part if self.id_form.fullmatch(part) else _CUT for name, part in parts.items()
        }

    def of_body(self, body: Document) -> dict[str, str]:
        """Tell what a call asks for.

        Parameters
        ----------
        body : dict
            As sent, however hostile.

        Returns
        -------
        dict of str to str
            By path; without fields that are absent, null or of another kind than they should be.
        """
        told: dict[str, str] = {}
        for path in self.values:
            value = _find(body, path)
            if isinstance(value, str | bool | int | float):
                told[path] = _cut(str(value), VALUE_CHARACTERS)
        for path in self.flags:
            value = _find(body, path)
            if isinstance(value, bool):
                told[path] = str(value)
        for path in self.documents:
            value = _find(body, path)
            if isinstance(value, dict):
                text = json.dumps(
                    _bounded(value, _LEVELS), ensure_ascii=False, separators=(",", ":")
                )
                told[path] = _cut(text, DOCUMENT_CHARACTERS)
        for path in self.ids:
            value = _find(body, path)
            if isinstance(value, list):
                ids = (it for it in value if isinstance(it, str) and self.id_form.fullmatch(it))
                told[path] = _cut(" ".join(ids), DOCUMENT_CHARACTERS)
        told |= {path: _SET for path in self.facts if _find(body, path) is not None}
        return told

    def of_answer(self, answer: Document) -> dict[str, str]:
        """Tell what came to be.

        Parameters
        ----------
        answer : dict
            The document that is answered.

        Returns
        -------
        dict of str to str
            The new id by its path; empty for calls that make nothing.
        """
        made = _find(answer, self.made) if self.made else None
        return {self.made: made} if isinstance(made, str) else {}


def _find(document: Document, path: str) -> object:
    found: object = document
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def _bounded(value: object, levels: int) -> object:
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return _CUT
    if isinstance(value, list):
        return [_bounded(it, levels - 1) for it in value]
    return {name: _bounded(it, levels - 1) for name, it in value.items()}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT
