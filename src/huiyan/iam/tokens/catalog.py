"""What this server offers, and where.

Owns: the catalog of services and the version documents. Has no opinion on: who asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from huiyan.iam.field import Document
from huiyan.iam.model import Project

_EVERYWHERE = "*"


def render_catalog(origin: str, projects: Iterable[Project]) -> list[Document]:
    """Render the catalog.

    Parameters
    ----------
    origin : str
        Scheme and host as the caller sees them.
    projects : iterable of Project
        Those within the caller's reach.

    Returns
    -------
    list of dict
        IAM, which is everywhere, and image recognition, once for each project's region.

    Notes
    -----
    ``docs/wire.md``, section "Tokens and temporary keys"; ``token_catalog.py`` of
    huaweicloudsdkiam.
    """
    return [
        _service("iam", [_endpoint("iam", _EVERYWHERE, f"{origin}/v3")]),
        _service(
            "image",
            [_endpoint("image", project.name, f"{origin}/v2/{project.id}") for project in projects],
        ),
    ]


def render_version(origin: str) -> Document:
    """Render what version of IAM's interface is spoken.

    Parameters
    ----------
    origin : str
        Scheme and host as the caller sees them.

    Returns
    -------
    dict
        Without the object around it.

    Notes
    -----
    ``version.py`` of huaweicloudsdkiam.
    """
    return {
        "id": "v3.6",
        "status": "stable",
        "updated": "2016-04-04T00:00:00Z",
        "links": [{"rel": "self", "href": f"{origin}/v3/"}],
        "media-types": [
            {
                "base": "application/json",
                "type": "application/vnd.openstack.identity-v3+json",
            }
        ],
    }


def _service(name: str, endpoints: list[Document]) -> Document:
    return {"id": _id(name), "name": name, "type": name, "endpoints": endpoints}


def _endpoint(service: str, region: str, url: str) -> Document:
    return {
        "id": _id(service, region),
        "interface": "public",
        "region": region,
        "region_id": region,
        "url": url,
    }


def _id(*parts: str) -> str:
    """Make an id that is the same on every machine and after every start."""
    return hashlib.sha256("/".join(("huiyan catalog", *parts)).encode()).hexdigest()[:32]
