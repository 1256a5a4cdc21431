"""Whom a limit is for, as a value.

Owns: its shape. Has no opinion on: the limits themselves (``directory/model.py``) and how callers
are held to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LimitKind = Literal["user", "project"]
"""What a limit can be for."""


@dataclass(frozen=True, slots=True)
class LimitSubject:
    """Whom a limit is for.

    Parameters
    ----------
    kind : {'user', 'project'}
        Which of both.
    id : str
        The user's or project's id.
    """

    kind: LimitKind
    id: str
