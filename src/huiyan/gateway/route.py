"""Which operation a path and method name.

Owns: the table of the Image operations' paths. Has no opinion on: who may call them, and every
other path of the server.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from huiyan.gateway.call import Target
from huiyan.kernel.errors import MissingProjectError, WrongMethodError
from huiyan.recognition.model import AnyCapability

_PROJECT = "{project_id}"
_PLACEHOLDER_TEXT = (
    "the path holds the placeholder {project_id}: the client was built with an endpoint and "
    "without a project id; give its credentials a project id, or build it with a region"
)


class RouteTable:
    """The Image operations by path.

    Parameters
    ----------
    capabilities : iterable of Capability
        What is offered; each path at most once.
    """

    def __init__(self, capabilities: Iterable[AnyCapability]) -> None:
        self._fixed: dict[str, AnyCapability] = {}
        self._by_project: dict[tuple[str, str], AnyCapability] = {}
        for capability in capabilities:
            head, found, tail = capability.path.partition(_PROJECT)
            if found:
                self._by_project[head, tail] = capability
            else:
                self._fixed[capability.path] = capability

    def find(self, method: str, raw_path: bytes) -> Target | None:
        """Find what a request names.

        Parameters
        ----------
        method : str
            The HTTP method, upper case.
        raw_path : bytes
            The path as sent, without the query.

        Returns
        -------
        Target or None
            ``None`` when the path is none of the Image operations'.

        Raises
        ------
        WrongMethodError
            The path is, the method is not POST.
        MissingProjectError
            The path still holds the client's placeholder.
        """
        path = raw_path.decode("latin-1")
        target = self._match(path)
        if target is None:
            return None
        if method != "POST":
            raise WrongMethodError(f"{method} {path}")
        if target.project_id == _PROJECT:
            raise MissingProjectError(_PLACEHOLDER_TEXT)
        return target

    def _match(self, path: str) -> Target | None:
        fixed = self._fixed.get(path)
        if fixed is not None:
            return Target(fixed, None)
        parts = path.split("/", 3)
        if len(parts) != 4:
            return None
        capability = self._by_project.get((f"/{parts[1]}/", f"/{parts[3]}"))
        return None if capability is None else Target(capability, unquote(parts[2]))
