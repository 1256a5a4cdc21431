"""What may be said about a person.

Owns: limits and forms of names, aliases, occupations and links, and how names are compared. Has no
opinion on: who has which name; people may share one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from urllib.parse import urlsplit

from huiyan.celebrity.gallery.model import PersonFacts
from huiyan.iam.people.rules import check_legible
from huiyan.kernel.errors import InvalidParameterError, MissingParameterError

MOST_NAME_CHARACTERS = 128
MOST_ALIASES = 20
MOST_OCCUPATION_CHARACTERS = 256
MOST_LINK_CHARACTERS = 512

_SPACE = re.compile(r"[ \u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_LINK = re.compile(r"[!-~]+")
_GIVEN_CHARACTERS = 4096  # what is longer is not even normalised
_GIVEN_ALIASES = 10 * MOST_ALIASES  # more are not even looked at, though some may say nothing new


def check_facts(facts: PersonFacts) -> PersonFacts:
    """Bring facts into the form in which they are stored.

    Names are stripped, composed (NFC), and hold plain spaces, each once; an alias that says nothing
    new is left out.

    Parameters
    ----------
    facts : PersonFacts
        From anyone.

    Returns
    -------
    PersonFacts
        As they are stored; the same facts again give the same.

    Raises
    ------
    MissingParameterError
        Neither name is given.
    InvalidParameterError
        One is too long, holds control or invisible characters, or is no link; it carries the name
        of the attribute.
    """
    if len(facts.aliases) > _GIVEN_ALIASES:
        raise InvalidParameterError("aliases", f"must not be more than {MOST_ALIASES}")
    name_zh = _check_text(facts.name_zh, "name_zh", MOST_NAME_CHARACTERS)
    name_en = _check_text(facts.name_en, "name_en", MOST_NAME_CHARACTERS)
    if not (name_zh or name_en):
        raise MissingParameterError("'name_zh' or 'name_en' is a required property")
    aliases: dict[str, str] = {}
    known = {fold_name(name_zh), fold_name(name_en), ""}
    for given in facts.aliases:
        alias = _check_text(given, "aliases", MOST_NAME_CHARACTERS)
        if fold_name(alias) not in known:
            aliases.setdefault(fold_name(alias), alias)
    if len(aliases) > MOST_ALIASES:
        raise InvalidParameterError("aliases", f"must not be more than {MOST_ALIASES}")
    return PersonFacts(
        name_zh,
        name_en,
        tuple(aliases.values()),
        _check_text(facts.occupation, "occupation", MOST_OCCUPATION_CHARACTERS),
        _check_link(facts.link),
    )


def add_aliases(facts: PersonFacts, names: Iterable[str]) -> PersonFacts:
    """Give a person further names as aliases, as far as there is room.

    Parameters
    ----------
    facts : PersonFacts
        As they are stored.
    names : iterable of str
        As they are stored; the most important first.

    Returns
    -------
    PersonFacts
        The aliases there were stand first. What says nothing new is left out, and so is what comes
        behind the ``MOST_ALIASES``-th.
    """
    known = {fold_name(facts.name_zh), fold_name(facts.name_en), ""}
    aliases: dict[str, str] = {}
    for name in chain(facts.aliases, names):
        if len(aliases) == MOST_ALIASES:
            break
        if fold_name(name) not in known:
            aliases.setdefault(fold_name(name), name)
    return replace(facts, aliases=tuple(aliases.values()))


def fold_name(name: str) -> str:
    """Bring a name into the form in which names are compared.

    Parameters
    ----------
    name : str
        From anyone.

    Returns
    -------
    str
        Without differences of case, width and white space; may be empty.

    Examples
    --------
    >>> fold_name("  Yao　MING ")
    'yao ming'
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(it for it in " ".join(folded.split()) if it.isprintable())


def _check_text(given: str, parameter: str, most: int) -> str:
    if len(given) > _GIVEN_CHARACTERS:
        raise InvalidParameterError(parameter, f"must not exceed {most} characters")
    text = unicodedata.normalize("NFC", _SPACE.sub(" ", given).strip(" "))
    if len(text) > most:
        raise InvalidParameterError(parameter, f"must not exceed {most} characters")
    check_legible(text, parameter)
    return text


def _check_link(given: str) -> str:
    link = given.strip(" ")
    if not link:
        return ""
    if len(link) > MOST_LINK_CHARACTERS:
        raise InvalidParameterError("link", f"must not exceed {MOST_LINK_CHARACTERS} characters")
    if not _LINK.fullmatch(link):
        raise InvalidParameterError("link", "must hold printable ASCII without spaces only")
    try:
        parts = urlsplit(link)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
        has_user = parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError as error:
        raise InvalidParameterError("link", "must be an http or https URL") from error
    if not is_whole:
        raise InvalidParameterError("link", "must be an http or https URL")
    if has_user:
        raise InvalidParameterError("link", "must not hold a user or password")
    return link
