"""What the commands of a gallery share: finding people, judging photos, and how they are told.

Owns: how a person is named on the command line and shown. Has no opinion on: what is done with
them, and in which words photos are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.celebrity.gallery.model import NewPhoto, Person, PersonFacts, PersonId
from huiyan.celebrity.gallery.source import parse_name, printable, read_photo
from huiyan.celebrity.starter import load_starter
from huiyan.cli.admin_output import instant_text
from huiyan.cli.celebrity_desk import OpenGallery
from huiyan.cli.celebrity_refusals import in_chinese
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.kernel.errors import InferenceError, NotFoundError, OperatorError, RequestError
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES

_ID = re.compile(r"[0-9a-f]{32}")


def find_person(opened: OpenGallery, text: str) -> Person | None:
    """Find a person by what may be their id.

    Parameters
    ----------
    opened : OpenGallery
        The gallery.
    text : str
        Anything.

    Returns
    -------
    Person or None
        None where it is no id of this gallery.
    """
    if not _ID.fullmatch(text):
        return None
    try:
        return opened.desk.service.get_person(opened.scope, PersonId(text))
    except NotFoundError:
        return None


def pick_person(opened: OpenGallery, text: str) -> Person:
    """Find the person that a command is about.

    Parameters
    ----------
    opened : OpenGallery
        The gallery.
    text : str
        An id, one of the names, or both names as a folder would have them.

    Returns
    -------
    Person
        The person.

    Raises
    ------
    OperatorError
        There is none, or there are several; the text lists their ids.
    """
    found = find_person(opened, text)
    if found is not None:
        return found
    parsed = parse_name(text)
    service = opened.desk.service
    names = [name for name in (text, parsed.name_zh, parsed.name_en) if name]
    named = service.find_people_by_name(opened.scope, *names)
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(f"{person.id} ({person.facts.label})" for person in named[:10])
        raise OperatorError(f"{len(named)} people have this name: give one's id: {ids}")
    raise OperatorError(
        f"nobody named {text} is in the gallery of {opened.project.name}; "
        f"`huiyan celebrity list` shows who is{_point_at_starter(text, names)}"
    )


def _point_at_starter(text: str, names: Sequence[str]) -> str:
    """Say where somebody is found whom Huiyan knows from the start, but no gallery of one's own."""
    wanted = {text.casefold(), *(name.casefold() for name in names)}
    for person in load_starter().people:
        facts = person.facts
        known = (person.id, facts.name_zh, facts.name_en, *facts.aliases)
        if wanted & {name.casefold() for name in known}:
            return (
                f". {facts.label} is in the starter gallery, which commands do not change · "
                f"此人在内置人物库中: huiyan celebrity starter --text {person.id}"
            )
    return ""


def parse_full_name(text: str) -> PersonFacts:
    """Read the name that a command gives a person.

    Parameters
    ----------
    text : str
        Such as ``姚明 Yao Ming``.

    Returns
    -------
    PersonFacts
        With one name at least.

    Raises
    ------
    OperatorError
        It holds no word.
    """
    named = parse_name(text)
    if not (named.name_zh or named.name_en):
        raise OperatorError("NAME is empty: give one such as '姚明 Yao Ming' · 姓名（NAME）为空")
    return named


def person_record(person: Person) -> dict[str, object]:
    """Render a person.

    Parameters
    ----------
    person : Person
        The person.

    Returns
    -------
    dict
        For JSON and tables.
    """
    facts = person.facts
    return {
        "id": person.id,
        "name_zh": facts.name_zh,
        "name_en": facts.name_en,
        "aliases": list(facts.aliases),
        "occupation": facts.occupation,
        "link": facts.link,
        "enabled": person.enabled,
        "photo_count": person.photo_count,
        "origin": person.origin,
        "created": instant_text(person.created_at),
        "changed": instant_text(person.changed_at),
    }


def parse_point(text: str | None, photos: Sequence[Path]) -> tuple[float, float] | None:
    """Read the point on a face that a command names.

    Parameters
    ----------
    text : str or None
        Such as ``120,80``.
    photos : sequence of Path
        What the command names; a point can be on one only.

    Returns
    -------
    tuple of float or None
        (x, y) in px; None where none is named.

    Raises
    ------
    BadParameter
        It is no point, or there are several photos.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)", text.strip())
    if match is None:
        raise click.BadParameter("give a point such as 120,80 · 应形如 120,80", param_hint="--at")
    if len(photos) != 1:
        raise click.BadParameter("give it with one photo · 只能用于一张照片", param_hint="--at")
    return float(match[1]), float(match[2])


def judge_photos(
    settings: Settings,
    opened: OpenGallery,
    paths: Sequence[Path],
    at: tuple[float, float] | None,
) -> list[NewPhoto]:
    """Judge the photos that a command names; one that is refused stops it.

    Parameters
    ----------
    settings : Settings
        Decoding memory matters.
    opened : OpenGallery
        The gallery.
    paths : sequence of Path
        The photos.
    at : tuple of float or None
        A point on the face that is meant.

    Returns
    -------
    list of NewPhoto
        One a photo.

    Raises
    ------
    OperatorError
        Some are refused; each with its reason.
    """
    budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
    desk = opened.desk
    keeps_pictures = desk.service.describe(opened.scope).keeps_pictures
    judged, refused = [], []
    for path in paths:
        try:
            data = read_photo(path, PICTURE_LIMITS.max_file_bytes)
            image = decode(data, PICTURE_LIMITS, desk.intake.min_short_side_px, budget)
            judged.append(desk.intake.judge(image, data, keeps_pictures, at))
        except OSError as error:
            refused.append(f"{printable(path)}: {error.strerror or error} · 无法读取")
        except (RequestError, InferenceError) as error:
            refused.append(f"{printable(path)}: {in_chinese(str(error))}")
    if refused:
        raise OperatorError(
            "nothing was added, because of · 未添加任何照片，原因：\n" + "\n".join(refused)
        )
    return judged
