"""A server in process for the calls about galleries: real store and search, painted faces."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gallery_parts import GalleryParts
from migrated import open_migrated
from own_calls import OwnCalls
from painted_faces import Face, painted
from starlette.applications import Starlette
from starlette.testclient import TestClient

from huiyan.iam.audit.model import AuditQuery, AuditRecord
from huiyan.iam.desk import Desk
from huiyan.iam.http import call_routes
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.persistence.database import Database


class GalleryServer:
    """Galleries of a founded installation, and ways to call."""

    def __init__(self, database: Database) -> None:
        self.own = OwnCalls(database)
        self.parts = GalleryParts(database, Vault(bytes(32)))
        self.told: list[tuple[str, int, str]] = []
        desk = Desk(self.own.identity, self.own.audit, SystemClock())
        routes = call_routes(self.parts.operations, desk, self._hear)
        self._client = TestClient(Starlette(routes=routes))

    def _hear(self, route: str, status: int, _request_id: str, error: Any) -> None:
        self.told.append((route, status, f"{error!r}"))

    def call(
        self,
        method: str,
        path: str = "",
        document: object = None,
        *,
        caller: str = "",
        project: str = "",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Any:
        """Call as the owner, or as someone else; the path follows the gallery's."""
        return self._client.request(
            method,
            f"/huiyan/v1/{project or self.own.project_id}/gallery{path}",
            params=query,
            **({"json": document} if body is None else {"content": body}),
            headers={
                "X-User": caller or self.own.owner_id,
                "X-Auth-Token": "believed",
                **(headers or {}),
            },
        )

    def add(self, name: str, *faces: Face, caller: str = "", **facts: object) -> Any:
        """Add a person with a photo of each face; gives the person."""
        reply = self.call("POST", "/people", person(name, *faces, **facts), caller=caller)
        assert reply.status_code == 201, reply.text
        return reply.json()["person"]

    def entries(self) -> list[AuditRecord]:
        """Give what the audit log was told, the oldest first."""
        self.own.audit.flush()
        query = AuditQuery(project_id=None)
        page = self.own.audit.entries(self.own.account_id, query, 1000, None)
        return list(reversed(page.records))


def photo(*faces: Face, **more: object) -> dict[str, object]:
    return {"image": base64.b64encode(painted(*faces)).decode(), **more}


def person(name: str, *faces: Face, **facts: object) -> dict[str, object]:
    return {"person": {"name": {"zh": name}, **facts}, "photos": [photo(it) for it in faces]}


def serve_gallery(folder: Path) -> Iterator[GalleryServer]:
    """Serve on a database of its own in a folder."""
    database = open_migrated(f"sqlite:///{folder / 'huiyan.db'}")
    yield GalleryServer(database)
    database.close()
