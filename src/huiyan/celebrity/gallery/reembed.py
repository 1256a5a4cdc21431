"""Embeddings of the present network in place of another one's.

Owns: the order of the steps, so that a gallery never compares embeddings of two networks, and a
process that is killed leaves what the next run takes up. Has no opinion on: how a picture becomes
an embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from huiyan.celebrity.gallery.model import NewPhoto, PhotoId, ReembedReport
from huiyan.celebrity.gallery.store_model import GalleryState, PhotoRecord
from huiyan.celebrity.gallery.writer import DIMENSIONS, GalleryWriter, find_fault
from huiyan.kernel.errors import InferenceError, NotFoundError
from huiyan.kernel.units import FloatArray
from huiyan.persistence.query import Scope

PhotoReader = Callable[[bytes], FloatArray | None]
"""Gives the (D,) embedding of unit length of a picture's face; None if it shows no fit face."""
Originals = Callable[[str], bytes | None]
"""Gives an original file by the SHA-256 of its bytes; None if there is none."""

PHOTOS_A_STEP = 32
MOST_NAMED = 1000


def reembed_gallery(
    writer: GalleryWriter,
    scope: Scope,
    read: PhotoReader,
    originals: Originals | None,
    *,
    drop_rest: bool,
) -> ReembedReport:
    """Do what ``GalleryService.reembed`` says.

    Parameters
    ----------
    writer : GalleryWriter
        Changes galleries.
    scope : Scope
        Whose gallery.
    read : PhotoReader
        Makes embeddings of the present network.
    originals : Originals or None
        Gives original files.
    drop_rest : bool
        Whether photos that cannot be embedded are removed.

    Returns
    -------
    ReembedReport
        What was done.

    Raises
    ------
    NotFoundError
        The project has no gallery.
    InferenceError
        The reader gives what is no embedding.
    """
    state = writer.repository.state(scope)
    if state is None:
        raise NotFoundError("this project has no gallery yet")
    done, left_count, after = 0, 0, 0
    left: list[PhotoId] = []
    while step := writer.repository.other_photos(scope, writer.model, after, PHOTOS_A_STEP):
        after = step[-1][1].number
        fresh: list[tuple[int, PhotoRecord, PhotoRecord]] = []
        rest: list[tuple[int, PhotoRecord]] = []
        for person_number, record in step:
            embedding = _read_anew(writer, state, record, read, originals)
            if embedding is None:
                rest.append((person_number, record))
                continue
            sealed = writer.cipher.seal_embedding(state, record.id, embedding)
            made = replace(record, model=writer.model, embedding=sealed)
            fresh.append((person_number, record, made))
        done += _store(writer, scope, fresh, rest if drop_rest else [])
        left_count += len(rest)
        left += [record.id for _, record in rest][: MOST_NAMED - len(left)]
    return ReembedReport(done, tuple(left), left_count, _switch(writer, scope))


def _read_anew(
    writer: GalleryWriter,
    state: GalleryState,
    record: PhotoRecord,
    read: PhotoReader,
    originals: Originals | None,
) -> FloatArray | None:
    original = None if originals is None else originals(record.digest)
    embedding = None if original is None else read(original)
    if embedding is None and record.picture is not None:
        embedding = read(writer.cipher.open_picture(state, record.id, record.picture))
    if embedding is None:
        return None
    embedding = np.asarray(embedding, np.float32)
    fault = find_fault(NewPhoto(embedding, record.digest, record.quality, record.side_px))
    if fault is not None:
        raise InferenceError(f"the new network's answer cannot be stored: {fault}")
    return embedding


def _store(
    writer: GalleryWriter,
    scope: Scope,
    fresh: list[tuple[int, PhotoRecord, PhotoRecord]],
    dropped: list[tuple[int, PhotoRecord]],
) -> int:
    """Replace rows in one transaction; those that are gone or others' by now are passed over."""
    if not fresh and not dropped:
        return 0
    done = 0
    with writer.changing_existing(scope) as edit:
        for number, record, made in fresh:
            if edit.digests(number).get(record.digest) == record.number:
                edit.delete_photos(number, [record.number])
                edit.insert_photos(number, [made])
                done += 1
        for number, record in dropped:
            if edit.digests(number).get(record.digest) == record.number:
                edit.delete_photos(number, [record.number])
    return done


def _switch(writer: GalleryWriter, scope: Scope) -> bool:
    with writer.changing_existing(scope) as edit:
        if edit.state.model == writer.model:
            return edit.count_others(writer.model) == 0
        if edit.count_others(writer.model):
            return False
        edit.switch_model(writer.model, DIMENSIONS)
    return True
