"""Groups as the vendor's JSON.

Owns: how groups are shown. Has no opinion on: everything else about them.
"""

from __future__ import annotations

from huiyan.iam.directory.model import Group
from huiyan.iam.field import Document
from huiyan.persistence.schema import to_milliseconds


def render_group(group: Group, origin: str) -> Document:
    """Render a group.

    Parameters
    ----------
    group : Group
        The group.
    origin : str
        Scheme and host as the caller sees them.

    Returns
    -------
    dict
        The vendor's ``group``.

    Notes
    -----
    ``docs/wire.md``, section "Users and groups".
    """
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "domain_id": group.account_id,
        "create_time": to_milliseconds(group.created_at),
        "links": {"self": f"{origin}/v3/groups/{group.id}", "next": None, "previous": None},
    }
