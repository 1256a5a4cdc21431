"""Build the embeddings of the gallery that comes with Huiyan.

Usage: ``python tools/build_starter_gallery.py FACES_DIR [--photos N] [--check]``, where FACES_DIR
holds ``images/NAME/*.jpg`` (or ``NAME/*.jpg``) with blanks as underlines, as Labeled Faces in the
Wild has them. ``people.json`` in the package says whom to look for and is never written here.

Only the first N photos of a person that are good enough are taken (4 by default), in the order of
their names, so that the rest stays for measuring. The same photos, code and machine give the same
bytes; another processor may round otherwise, and then each embedding's cosine with the committed
one is at least 0.999 (``--check`` compares and writes nothing) unless a photo lies on the very
limit of being taken. Nothing of a photo goes into the package, neither its name nor its hash.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from huiyan.assembly import Assembly
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.starter import (
    EMBEDDINGS_FILE,
    INDEX_FILE,
    PEOPLE_FILE,
    ListedPerson,
    StarterIndex,
    load_starter,
    parse_people,
)
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import PictureError, UnfitFaceError
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import MIB_BYTES, FloatArray

PACKAGE_FOLDER = Path(__file__).resolve().parents[1] / "src/huiyan/celebrity/starter"
DEFAULT_PHOTO_COUNT = 4
LIMITS = PictureLimits(formats=frozenset({Format.JPEG}), min_side_px=40, max_side_px=10_000)

MIN_AGREEMENT = 0.30
"""A photo whose mean cosine with the person's others is lower shows somebody else, probably."""

MAX_LIKENESS = 0.40
"""Two people whose photos are more alike on average are one person, probably."""

MAX_DOUBLE = 0.47
"""A photo more alike to one of somebody else is left out: it would name the wrong person."""

MIN_SAME_COSINE = 0.999
MAX_FILE_BYTES = 900_000


@dataclass(slots=True)
class Album:
    """The photos of a person that are good enough.

    Parameters
    ----------
    person : ListedPerson
        Who it is said to be.
    names : list of str
        File names, for the report only.
    rows : list of ndarray of shape (D,), float32
        Their embeddings.
    refusals : list of str
        Which files were refused, and why.
    """

    person: ListedPerson
    names: list[str] = field(default_factory=list)
    rows: list[FloatArray] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def read_album(person: ListedPerson, folder: Path, intake: Intake) -> Album:
    """Read all photos of a person.

    Parameters
    ----------
    person : ListedPerson
        Who.
    folder : Path
        Where the photos are; none is fine.
    intake : Intake
        What judges them, as it does for every gallery.

    Returns
    -------
    Album
        The central face of each photo that shows a good one.
    """
    album = Album(person)
    budget = MemoryBudget(256 * MIB_BYTES)
    for path in sorted(folder.glob("*.jpg")):
        data = path.read_bytes()
        try:
            image = decode(data, LIMITS, intake.min_short_side_px, budget)
            width, height = image.size_wh
            photo = intake.judge(image, data, keeps_picture=False, at=(width / 2, height / 2))
        except (PictureError, UnfitFaceError) as error:
            album.refusals.append(f"{path.name}: {error.detail}")
            continue
        album.names.append(path.name)
        album.rows.append(photo.embedding)
    return album


def drop_strangers(album: Album) -> list[str]:
    """Take photos that disagree with the person's others out of an album.

    Parameters
    ----------
    album : Album
        Changed in place: the worst photo goes until all agree. Of two that disagree both go.

    Returns
    -------
    list of str
        What went.
    """
    gone: list[str] = []
    while len(album.rows) > 1:
        stack = np.stack(album.rows)
        cosines = stack @ stack.T
        agreement = (cosines.sum(axis=1) - np.diag(cosines)) / (len(stack) - 1)
        worst = int(np.argmin(agreement))
        if agreement[worst] >= MIN_AGREEMENT:
            break
        doomed = [0, 1] if len(stack) == 2 else [worst]
        for number in reversed(doomed):
            gone.append(f"{album.names.pop(number)}: agrees only by {agreement[number]:.2f}")
            album.rows.pop(number)
    return gone


def find_alike(albums: list[Album]) -> list[tuple[float, str, str]]:
    """Find pairs of people who look like one.

    Parameters
    ----------
    albums : list of Album
        Each with one photo at least.

    Returns
    -------
    list of tuple
        Mean cosine and the two ids, for every pair above ``MAX_LIKENESS``, most alike first.
    """
    stacks = [np.stack(album.rows) for album in albums]
    pairs = []
    for first, one in enumerate(stacks):
        for second in range(first + 1, len(stacks)):
            cosine = float((one @ stacks[second].T).mean())
            if cosine > MAX_LIKENESS:
                pairs.append((cosine, albums[first].person.id, albums[second].person.id))
    return sorted(pairs, reverse=True)


def drop_doubles(albums: list[Album]) -> list[str]:
    """Take photos out that are too alike to one of somebody else.

    Parameters
    ----------
    albums : list of Album
        Changed in place: of the two photos the one goes whose person has more of them; a person's
        only photo stays.

    Returns
    -------
    list of str
        What went, and whom it is alike.
    """
    gone: list[str] = []
    while True:
        owners = np.repeat(np.arange(len(albums)), [len(album.rows) for album in albums])
        rows = np.concatenate([np.stack(album.rows) for album in albums])
        cosines = rows @ rows.T
        cosines[owners[:, None] == owners[None, :]] = -1
        place = int(np.argmax(cosines))
        one, other = sorted(
            divmod(place, len(rows)), key=lambda row: (-len(albums[owners[row]].rows), row)
        )
        album = albums[owners[one]]
        if cosines[one, other] <= MAX_DOUBLE or len(album.rows) == 1:
            return gone
        number = one - int(np.searchsorted(owners, owners[one]))
        gone.append(
            f"{album.person.id}: {album.names.pop(number)}: alike by {cosines[one, other]:.2f} to "
            f"{albums[owners[other]].person.id}"
        )
        album.rows.pop(number)


def pack(albums: list[Album], model: str, photo_count: int) -> tuple[bytes, bytes]:
    """Render the two files that are built.

    Parameters
    ----------
    albums : list of Album
        In the order of ``people.json``.
    model : str
        Which network made the embeddings.
    photo_count : int
        How many of each person's photos are taken at most.

    Returns
    -------
    tuple of bytes
        The embeddings as a NumPy file of float16, and the index.
    """
    rows = np.concatenate([np.stack(album.rows[:photo_count]) for album in albums])
    stream = io.BytesIO()
    np.save(stream, rows.astype(np.float16), allow_pickle=False)
    data = stream.getvalue()
    index = StarterIndex(
        model=model,
        sha256=hashlib.sha256(data).hexdigest(),
        photos={album.person.id: min(photo_count, len(album.rows)) for album in albums},
    )
    return data, msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n"


def is_unchanged(data: bytes, index: bytes) -> bool:
    """Say whether the committed files are what was built, but for rounding.

    Parameters
    ----------
    data, index : bytes
        What ``pack`` gave.

    Returns
    -------
    bool
        Same model, people and counts, and each pair of embeddings with a cosine of 0.999 or more.
    """
    committed = load_starter()
    built = msgspec.json.decode(index, type=StarterIndex)
    counts = {person.id: person.photo_count for person in committed.people}
    if built.model != committed.model or list(built.photos.items()) != list(counts.items()):
        return False
    rows = np.load(io.BytesIO(data), allow_pickle=False).astype(np.float32)
    lowest = float((rows * committed.embeddings).sum(axis=1).min())
    print(f"lowest cosine with the committed embeddings: {lowest:.6f}")
    return lowest >= MIN_SAME_COSINE


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that it is there wholly or not at all.

    Parameters
    ----------
    path : Path
        Which.
    data : bytes
        Its new content.
    """
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def read_albums(faces: Path, intake: Intake) -> list[Album]:
    """Read everybody's photos, and say which were refused.

    Parameters
    ----------
    faces : Path
        The folder with a folder of photos a name.
    intake : Intake
        What judges photos.

    Returns
    -------
    list of Album
        In the order of ``people.json``.
    """
    albums = []
    for person in parse_people((PACKAGE_FOLDER / PEOPLE_FILE).read_bytes()):
        album = read_album(person, faces / person.photographs.replace(" ", "_"), intake)
        for line in [*album.refusals, *drop_strangers(album)]:
            print(f"refused: {person.id}: {line}")
        albums.append(album)
    return albums


def main() -> int:
    """Run.

    Returns
    -------
    int
        0, or 1 if nothing could be built or ``--check`` found a difference.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", type=Path, metavar="FACES_DIR")
    parser.add_argument("--photos", type=int, default=DEFAULT_PHOTO_COUNT, metavar="N")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    faces = given.faces / "images" if (given.faces / "images").is_dir() else given.faces
    reader = Assembly(load_settings()).face_reader
    albums = read_albums(faces, Intake(reader))
    empty = [album.person.id for album in albums if not album.rows]
    if empty:
        print(f"no good photo of: {', '.join(empty)}; take them out of {PEOPLE_FILE}")
        return 1
    alike = find_alike(albums)
    if alike:
        for cosine, one, other in alike:
            print(f"alike by {cosine:.2f} on average: {one}, {other}; look at their photos")
        return 1
    for line in drop_doubles(albums):
        print(f"refused: {line}")
    data, index = pack(albums, reader.model_id, given.photos)
    print(f"{len(albums)} people, {len(data)} bytes of embeddings by {reader.model_id}")
    if len(data) > MAX_FILE_BYTES:
        print(f"too large: {MAX_FILE_BYTES} bytes is the limit")
        return 1
    if given.check:
        return 0 if is_unchanged(data, index) else 1
    # The index names the hash of the embeddings: if only one file is new, loading refuses both.
    replace_file(PACKAGE_FOLDER / EMBEDDINGS_FILE, data)
    replace_file(PACKAGE_FOLDER / INDEX_FILE, index)
    return 0


if __name__ == "__main__":
    sys.exit(main())
