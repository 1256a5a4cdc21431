"""Whether a text, an action or a resource fits a pattern.

Owns: the wildcards, which parts ignore case, and the short forms of version 1.0. Has no opinion on:
what follows from a fit.

``*`` stands for any run of characters, an empty one too, ``?`` for exactly one; nothing escapes
them. In actions and resources neither reaches over a colon, save in a resource's path, which is the
last segment and may hold colons itself. Actions ignore case altogether; in resources the service,
the region and the type ignore it, the account and the path do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from huiyan.iam.policy.model import PolicyVersion

_WILDCARD = re.compile(r"[*?]")
_AGENCY_PREFIX = "/iam/agencies/"
_READS = {"get", "list"}


def compile_wildcards(pattern: str) -> re.Pattern[str]:
    """Turn a pattern into an expression that the whole text has to match.

    Parameters
    ----------
    pattern : str
        With ``*`` and ``?`` as wildcards; every other character stands for itself.

    Returns
    -------
    re.Pattern of str
        For use with ``fullmatch``.

    Notes
    -----
    Each piece between two stars is sought once, from the left, in an atomic group: where the
    leftmost place of a piece leaves no room for the rest, no later place does. So there is nothing
    to try again, and the cost stays below the product of both lengths, however many stars.
    """
    return re.compile(_expression(pattern, r"[\s\S]"))


def compile_actions(patterns: Iterable[str], version: PolicyVersion) -> ActionMatcher:
    """Prepare the actions of one statement.

    Parameters
    ----------
    patterns : iterable of str
        As they stand in the policy.
    version : {"1.0", "1.1"}
        In ``1.0``, missing and empty segments stand for anything, ``Get`` and ``List`` for every
        operation that begins so, and the service ``identity`` for ``iam``.

    Returns
    -------
    ActionMatcher
        Fits what any of the patterns fits.
    """
    spelled = [_spell_out(pattern) if version == "1.0" else pattern for pattern in patterns]
    lowered = {pattern.lower() for pattern in spelled}
    wild = sorted(pattern for pattern in lowered if _WILDCARD.search(pattern))
    expressions = [
        ":".join(_expression(part, "[^:]") for part in pattern.split(":")) for pattern in wild
    ]
    return ActionMatcher(
        literals=frozenset(lowered.difference(wild)),
        wild=re.compile("|".join(expressions)) if expressions else None,
    )


def compile_resources(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """Prepare the resources of one statement.

    Parameters
    ----------
    patterns : iterable of str
        As they stand in the policy.

    Returns
    -------
    re.Pattern of str or None
        For use with ``fullmatch`` on a resource of five segments; None if every resource fits.
    """
    listed = list(patterns)
    if not listed or "*" in listed:
        return None
    return re.compile("|".join(_resource_expression(pattern) for pattern in listed))


@dataclass(frozen=True, slots=True)
class ActionMatcher:
    """The actions of one statement, ready for comparison.

    Parameters
    ----------
    literals : frozenset of str
        Actions without wildcards, in lower case.
    wild : re.Pattern of str or None
        All patterns with wildcards in one, in lower case; None if there are none.
    """

    literals: frozenset[str]
    wild: re.Pattern[str] | None

    def fits(self, action: str) -> bool:
        """Tell whether an action is among these.

        Parameters
        ----------
        action : str
            Three segments, in lower case.

        Returns
        -------
        bool
            Whether any of the patterns fits.
        """
        if action in self.literals:
            return True
        return self.wild is not None and self.wild.fullmatch(action) is not None


def _expression(pattern: str, one: str) -> str:
    """Write a pattern as a regular expression; ``one`` is the set that a wildcard stands for."""
    first, *pieces = [
        "".join(one if character == "?" else re.escape(character) for character in piece)
        for piece in re.sub(r"\*+", "*", pattern).split("*")
    ]
    if not pieces:
        return first
    *middle, last = pieces
    return first + "".join(f"(?>{one}*?{piece})" for piece in middle) + f"{one}*{last}"


def _resource_expression(pattern: str) -> str:
    if pattern.startswith(_AGENCY_PREFIX):
        pattern = f"iam:*:*:agency:{pattern.removeprefix(_AGENCY_PREFIX)}"
    service, region, account, kind, path = pattern.split(":", 4)
    head = (
        f"(?i:{_expression(service, '[^:]')}:{_expression(region, '[^:]')})"
        f":{_expression(account, '[^:]')}:(?i:{_expression(kind, '[^:]')})"
    )
    return head + ":" + _expression(path, r"[\s\S]")


def _spell_out(pattern: str) -> str:
    segments = [segment or "*" for segment in pattern.split(":")]
    segments += ["*"] * (3 - len(segments))
    if segments[0].lower() == "identity":
        segments[0] = "iam"
    if segments[-1].lower() in _READS:
        segments[-1] += "*"
    return ":".join(segments)
