"""Downloading a file of a Hugging Face repository, going on where an earlier pull was broken.

Owns: that download. Has no opinion on: which hash is right, or where the file is kept.
"""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import BinaryIO, cast

from huiyan.kernel.errors import ModelSourceError
from huiyan.runtime.card import Card
from huiyan.runtime.card_source import HubSource
from huiyan.runtime.digest import hash_file, store_error
from huiyan.runtime.progress import Progress, SilentProgress

_REASON_CHARS = 400
_LOCAL_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO)


class _BoundedFile(io.FileIO):
    """A file that grows to a limit and tells of its growth."""

    def __init__(self, path: Path, limit_bytes: int, progress: Progress) -> None:
        super().__init__(path, "r+")
        self._limit_bytes = limit_bytes
        self._progress = progress

    def write(self, block: bytes, /) -> int:  # type: ignore[override]  # the client writes bytes only
        if self.tell() + len(block) > self._limit_bytes:
            raise ModelSourceError(
                f"hub: it holds more than the {self._limit_bytes:,} bytes of the card"
            )
        left = memoryview(block)
        while left:
            left = left[super().write(left) :]
        self._progress.advance(len(block))
        return len(block)


def fetch_from_hub(
    source: HubSource, card: Card, resume_dir: Path, target: Path, progress: Progress
) -> str:
    """Download a file from the hub.

    Parameters
    ----------
    source : HubSource
        Repository, commit and file.
    card : Card
        The card, whose size bounds what is accepted.
    resume_dir : Path
        Where the unfinished download is kept between pulls.
    target : Path
        Where the finished file goes, on the same filesystem.
    progress : Progress
        Told of steps and bytes.

    Returns
    -------
    str
        SHA-256 of what was downloaded, 64 hex digits.

    Raises
    ------
    ModelSourceError
        The hub is out of reach, refuses, or gives more or less than the card says.
    StoreError
        The disk is full or refuses the write; what came so far is kept for the next pull.

    Notes
    -----
    The client's own ``hf_hub_download`` begins each download afresh, so the streaming function
    below it is called, which goes on at a given offset. The token of ``HF_TOKEN`` or of a log-in is
    used.
    """
    partial = resume_dir / card.sha256
    is_resumed = partial.exists()
    progress.start(f"{card.name}: downloading {source}", card.size_bytes)
    _download(source, card, partial, progress)
    found = hash_file(partial, SilentProgress())
    if found != card.sha256 and is_resumed:
        # What an earlier pull had left may be what is wrong.
        partial.unlink()
        progress.start(f"{card.name}: downloading {source} afresh", card.size_bytes)
        _download(source, card, partial, progress)
        found = hash_file(partial, SilentProgress())
    partial.replace(target)
    return found


def _download(source: HubSource, card: Card, partial: Path, progress: Progress) -> None:
    # The hub's client costs a third of a second to import, and only a pull needs it.
    from huggingface_hub import get_token, hf_hub_url  # noqa: PLC0415
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # noqa: PLC0415
    from huggingface_hub.file_download import http_get  # noqa: PLC0415
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars("huggingface_hub.http_get")
    # Our own headers: the client's builder asks the hub a question about this machine first.
    headers = {"Accept-Encoding": "identity", "User-Agent": "huiyan"}
    if (token := get_token()) is not None:
        headers["Authorization"] = f"Bearer {token}"
    url = hf_hub_url(source.repository, source.file, revision=source.revision)
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
        with _BoundedFile(partial, card.size_bytes, progress) as file:
            begun_bytes = file.seek(0, io.SEEK_END)
            progress.advance(begun_bytes)
            http_get(
                url,
                cast("BinaryIO", file),
                resume_size=begun_bytes,
                headers=headers,
                expected_size=card.size_bytes,
            )
    except OSError as error:
        if error.errno in _LOCAL_FAULTS:
            raise store_error(error, partial, card.size_bytes) from error
        raise ModelSourceError(f"hub: {str(error)[:_REASON_CHARS]}") from error
    except (HTTPError, ValueError) as error:
        raise ModelSourceError(f"hub: {str(error)[:_REASON_CHARS]}") from error
