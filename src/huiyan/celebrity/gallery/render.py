"""What the calls about galleries answer, as JSON.

Owns: every field of it. Has no opinion on: what the calls do. An embedding is in no answer but an
export's.

Source: ``docs/wire.md``, "Galleries".
"""

from __future__ import annotations

from huiyan.celebrity.gallery.inspection import InspectedFace
from huiyan.celebrity.gallery.model import (
    GallerySummary,
    ImportReport,
    LikelyDuplicate,
    Person,
    Photo,
)
from huiyan.celebrity.gallery.wire import instant
from huiyan.celebrity.model import Candidate
from huiyan.iam.field import Document

_DECIMALS = 4


def render_gallery(summary: GallerySummary) -> Document:
    """Render a gallery as a whole.

    Parameters
    ----------
    summary : GallerySummary
        The gallery.

    Returns
    -------
    dict
        The JSON object.
    """
    return {
        "exists": summary.exists,
        "model": summary.model,
        "people": summary.person_count,
        "photos": summary.photo_count,
        "foreign_photos": summary.foreign_photo_count,
        "photo_limit": summary.photo_limit,
        "uses_starter": summary.uses_starter,
        "keeps_pictures": summary.keeps_pictures,
        "encrypted": summary.is_encrypted,
        "revision": summary.revision,
        "created_at": instant(summary.created_at),
    }


def render_person(person: Person) -> Document:
    """Render a person.

    Parameters
    ----------
    person : Person
        Somebody.

    Returns
    -------
    dict
        The JSON object.
    """
    facts = person.facts
    return {
        "id": person.id,
        "name": {"zh": facts.name_zh, "en": facts.name_en},
        "aliases": list(facts.aliases),
        "occupation": facts.occupation,
        "link": facts.link,
        "enabled": person.enabled,
        "photos": person.photo_count,
        "origin": person.origin,
        "created_at": instant(person.created_at),
        "changed_at": instant(person.changed_at),
    }


def render_photo(photo: Photo) -> Document:
    """Render a photo, without its embedding.

    Parameters
    ----------
    photo : Photo
        A photo.

    Returns
    -------
    dict
        The JSON object.
    """
    return {
        "id": photo.id,
        "digest": photo.digest,
        "quality": round(photo.quality, _DECIMALS),
        "side_px": round(photo.side_px, 1),
        "has_picture": photo.has_picture,
        "model": photo.model,
        "created_at": instant(photo.created_at),
    }


def render_candidate(candidate: Candidate) -> Document:
    """Render somebody that a face may be.

    Parameters
    ----------
    candidate : Candidate
        Who.

    Returns
    -------
    dict
        The JSON object.
    """
    return {
        "person": render_person(candidate.person),
        "similarity": round(candidate.similarity, _DECIMALS),
        "confidence": round(candidate.confidence, _DECIMALS),
    }


def render_face(face: InspectedFace) -> Document:
    """Render a face of a picture that was searched with.

    Parameters
    ----------
    face : InspectedFace
        The face.

    Returns
    -------
    dict
        The JSON object; the box in whole px, as celebrity recognition has it.
    """
    left, top, right, bottom = (round(edge) for edge in face.xyxy)
    return {
        "box": {"x": left, "y": top, "w": max(1, right - left), "h": max(1, bottom - top)},
        "side_px": round(face.side_px, 1),
        "sharpness": round(face.sharpness, _DECIMALS),
        "frontality": round(face.frontality, _DECIMALS),
        "fit": not face.fault,
        "fault": face.fault,
        "candidates": [render_candidate(it) for it in face.candidates],
    }


def render_duplicate(pair: LikelyDuplicate) -> Document:
    """Render two people who may be one.

    Parameters
    ----------
    pair : LikelyDuplicate
        Both.

    Returns
    -------
    dict
        The JSON object.
    """
    return {
        "people": [render_person(pair.first), render_person(pair.second)],
        "similarity": round(pair.similarity, _DECIMALS),
    }


def render_report(report: ImportReport) -> Document:
    """Render what an import did.

    Parameters
    ----------
    report : ImportReport
        The report.

    Returns
    -------
    dict
        The JSON object.
    """
    return {
        "people_added": report.people_added,
        "people_known": report.people_known,
        "photos_added": report.photos_added,
        "photos_known": report.photos_known,
        "refusals": [{"where": it.where, "reason": it.reason} for it in report.refusals],
    }
