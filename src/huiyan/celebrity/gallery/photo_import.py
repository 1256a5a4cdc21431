"""Many photos into a gallery.

Owns: the order of the work, what is done several at a time, whose a photo becomes, and what is told
of each photo. Has no opinion on: where photos are named, which faces are good enough, and how
people are stored.

Photos go in person by person, each person's in one step with who they are, so an import that ends
early leaves nothing half done; run again, it passes over what is there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.likeness import find_odd
from huiyan.celebrity.gallery.model import NewPhoto, Person, PersonFacts, PersonId
from huiyan.celebrity.gallery.source import UNREADABLE, PhotoFile, Unusable, read_photo
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import PictureLimits
from huiyan.kernel.errors import (
    InferenceError,
    RequestError,
)
from huiyan.kernel.units import FloatArray

MIN_BATCH = 64
"""Photos that are judged together: enough for all cores, few enough to be held in memory."""

MAX_BATCH = 256
"""One person's photos beyond this go in step by step."""

NO_NAME = "no name is given: a person needs one, in Chinese or English"
UNLIKE = "it does not look like the other photos of this person: see whether it is theirs"
NAME_TAKEN = "somebody of this name is there already"
SEVERAL_OF_NAME = "people have this name: name one by the id in a list's column person"
"""Reasons that a shell may say in another language."""

_PLACE = re.compile(r"photos\[\d+\]")

SameName = Literal["add", "new", "skip"]
"""Whose photos of a name that is there become: that person's, somebody new's, nobody's."""

Fate = Literal["added", "odd", "there", "refused"]
"""What became of a photo; ``odd``: added, but it looks like somebody else."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one photo.

    Parameters
    ----------
    name : str
        The photo, as its source names it.
    fate : Fate
        What became of it.
    reason : str
        Why it was refused or what is odd; empty otherwise.
    person_id : PersonId or None
        Whose it is.
    is_new : bool
        Whether the person was made with this photo.
    """

    name: str
    fate: Fate
    reason: str = ""
    person_id: PersonId | None = None
    is_new: bool = False


class People(Protocol):
    """The gallery that photos go into."""

    def find_by_id(self, text: str) -> Person | None:
        """Find a person by what may be their id."""
        ...

    def find_by_name(self, facts: PersonFacts) -> Sequence[Person]:
        """Find everybody who has one of the names."""
        ...

    def digests(self, person_id: PersonId) -> frozenset[str]:
        """List the digests of a person's photos."""
        ...

    def likeness(self, person_id: PersonId, embeddings: FloatArray) -> FloatArray:
        """Give each embedding's greatest cosine with the person's photos; NaN without any."""
        ...

    def add_person(self, facts: PersonFacts, photos: Sequence[NewPhoto]) -> Person:
        """Make a person."""
        ...

    def add_photos(self, person_id: PersonId, photos: Sequence[NewPhoto]) -> None:
        """Give a person further photos."""
        ...


@dataclass(frozen=True, slots=True)
class ImportRules:
    """How photos are taken.

    Parameters
    ----------
    limits : PictureLimits
        Which pictures are decoded.
    keeps_pictures : bool
        Whether the gallery keeps the faces' pixels.
    same_name : SameName
        What becomes of people whose name is there already.
    is_strict : bool
        Whether photos that look like somebody else are refused.
    threads : int
        Photos worked on at once; at least 1.
    """

    limits: PictureLimits
    keeps_pictures: bool
    same_name: SameName
    is_strict: bool
    threads: int


@dataclass(frozen=True, slots=True)
class _Target:
    """Whose photos are next: somebody known, somebody to be made, or nobody, and then why."""

    facts: PersonFacts
    person_id: PersonId | None = None
    digests: frozenset[str] = frozenset()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A photo that was looked at: good, there already, or refused."""

    file: PhotoFile
    photo: NewPhoto | None = None
    refusal: str = ""


class PhotoImport:
    """One import.

    Parameters
    ----------
    intake : Intake
        Judges photos.
    people : People
        The gallery; used by the calling thread only.
    budget : MemoryBudget
        What decoding may take.
    rules : ImportRules
        How photos are taken.
    """

    def __init__(
        self, intake: Intake, people: People, budget: MemoryBudget, rules: ImportRules
    ) -> None:
        self._intake = intake
        self._people = people
        self._budget = budget
        self._rules = rules
        self._met: dict[str, PersonId] = {}
        self._taken: set[PersonId] = set()

    def run(self, source: Iterable[PhotoFile | Unusable]) -> Iterator[Outcome]:
        """Import photos; memory does not grow with their number, but by some bytes a person.

        Parameters
        ----------
        source : iterable of PhotoFile or Unusable
            The photos; those of one person best one after the other.

        Yields
        ------
        Outcome
            One for each photo and each thing that is none, as they are done.

        Raises
        ------
        DatabaseError
            The gallery cannot be written; what was told of before is in it.
        """
        with ThreadPoolExecutor(self._rules.threads) as pool, _giving_up_at_once(pool):
            for batch in _batches(source):
                files = [it for it in batch if isinstance(it, PhotoFile)]
                yield from (
                    Outcome(it.name, "refused", it.reason)
                    for it in batch
                    if isinstance(it, Unusable)
                )
                runs = _by_person(files)
                targets = [self._find_target(run[0]) for run in runs]
                jobs = [
                    (file, target)
                    for run, target in zip(runs, targets, strict=True)
                    for file in run
                ]
                judged = pool.map(lambda job: self._judge(*job), jobs)
                for run, target in zip(runs, targets, strict=True):
                    yield from self._take(target, [next(judged) for _ in run])

    def _find_target(self, first: PhotoFile) -> _Target:
        if first.key not in self._met:
            named = self._people.find_by_id(first.key)
            if named is not None:
                self._meet(first.key, named.id)
            elif not (first.facts.name_zh or first.facts.name_en):
                return _Target(first.facts, refusal=NO_NAME)
            else:
                refusal = self._look_up(first)
                if refusal:
                    return _Target(first.facts, refusal=refusal)
        person_id = self._met.get(first.key)
        if person_id is None:
            return _Target(first.facts)
        return _Target(first.facts, person_id, self._people.digests(person_id))

    def _look_up(self, first: PhotoFile) -> str:
        """Find who of the gallery is meant by a name, if anybody; say why nobody can be."""
        # Whoever is another key's in this import is somebody else.
        named = self._people.find_by_name(first.facts)
        same = [one for one in named if one.id not in self._taken]
        if not same:
            return ""
        if self._rules.same_name == "skip":
            return f"{NAME_TAKEN} (--on-same-name skip)"
        # The same photo tells who is meant when an import is run again.
        digest = _digest(first.path, self._rules.limits.max_file_bytes)
        holding = [one for one in same if digest in self._people.digests(one.id)]
        if holding:
            self._meet(first.key, holding[0].id)
        elif self._rules.same_name == "add" and len(same) == 1:
            self._meet(first.key, same[0].id)
        elif self._rules.same_name == "add":
            ids = " ".join(person.id for person in same[:5])
            return f"{len(same)} {SEVERAL_OF_NAME} ({ids}), or give --on-same-name new"
        return ""

    def _meet(self, key: str, person_id: PersonId) -> None:
        self._met[key] = person_id
        self._taken.add(person_id)

    def _judge(self, file: PhotoFile, target: _Target) -> _Judged:
        if target.refusal:
            return _Judged(file, refusal=target.refusal)
        try:
            data = read_photo(file.path, self._rules.limits.max_file_bytes)
            if hashlib.sha256(data).hexdigest() in target.digests:
                return _Judged(file)
            image = decode(data, self._rules.limits, self._intake.min_short_side_px, self._budget)
            photo = self._intake.judge(image, data, self._rules.keeps_pictures, file.at)
        except OSError as error:
            return _Judged(file, refusal=f"{UNREADABLE}: {error.strerror or error}")
        except (RequestError, InferenceError) as error:
            return _Judged(file, refusal=str(error))
        return _Judged(file, photo)

    def _take(self, target: _Target, judged: Sequence[_Judged]) -> Iterator[Outcome]:
        """Store one person's photos of a batch."""
        good: dict[str, tuple[PhotoFile, NewPhoto]] = {}
        for it in judged:
            if it.refusal:
                yield Outcome(it.file.name, "refused", it.refusal, target.person_id)
            elif it.photo is None or it.photo.digest in good:
                yield Outcome(it.file.name, "there", person_id=target.person_id)
            else:
                good[it.photo.digest] = (it.file, it.photo)
        if not good:
            return
        files, photos = zip(*good.values(), strict=True)
        odd = self._find_odd(target.person_id, photos)
        if self._rules.is_strict:
            for file in (file for file, is_odd in zip(files, odd, strict=True) if is_odd):
                yield Outcome(file.name, "refused", UNLIKE, target.person_id)
            kept = [it for it, is_odd in zip(good.values(), odd, strict=True) if not is_odd]
            odd = [False] * len(kept)
        else:
            kept = list(good.values())
        if kept:
            yield from self._store(target, kept, odd)

    def _find_odd(self, person_id: PersonId | None, photos: Sequence[NewPhoto]) -> list[bool]:
        embeddings = np.stack([photo.embedding for photo in photos])
        known = np.full(len(photos), np.nan, np.float32)
        if person_id is not None:
            known = self._people.likeness(person_id, embeddings)
        return [bool(it) for it in find_odd(embeddings, known)]

    def _store(
        self, target: _Target, kept: Sequence[tuple[PhotoFile, NewPhoto]], odd: Sequence[bool]
    ) -> Iterator[Outcome]:
        try:
            person_id = self._add(target, kept[0][0].key, [photo for _, photo in kept])
        except RequestError as error:
            if len(kept) == 1:
                # Its place among those handed over says nothing where the outcome names it.
                reason = _PLACE.sub("it", str(error))
                yield Outcome(kept[0][0].name, "refused", reason, target.person_id)
                return
            # One of them is at fault; the others shall not suffer.
            for one, is_odd in zip(kept, odd, strict=True):
                met = self._met.get(one[0].key, target.person_id)
                yield from self._store(_Target(target.facts, met), [one], [is_odd])
            return
        for (file, _), is_odd in zip(kept, odd, strict=True):
            reason = UNLIKE if is_odd else ""
            is_new = target.person_id is None and file is kept[0][0]
            yield Outcome(file.name, "odd" if is_odd else "added", reason, person_id, is_new)

    def _add(self, target: _Target, key: str, photos: Sequence[NewPhoto]) -> PersonId:
        if target.person_id is not None:
            self._people.add_photos(target.person_id, photos)
            return target.person_id
        made = self._people.add_person(target.facts, photos)
        self._meet(key, made.id)
        return made.id


@contextmanager
def _giving_up_at_once(pool: ThreadPoolExecutor) -> Iterator[None]:
    """See that an import that ends early does not look at the rest of its batch first."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _batches(source: Iterable[PhotoFile | Unusable]) -> Iterator[list[PhotoFile | Unusable]]:
    """Cut a source into batches that hold whole people, where those are not too many photos."""
    batch: list[PhotoFile | Unusable] = []
    last_key = ""
    for it in source:
        key = it.key if isinstance(it, PhotoFile) else last_key
        is_full = len(batch) >= (MIN_BATCH if key != last_key else MAX_BATCH)
        if is_full:
            yield batch
            batch = []
        batch.append(it)
        last_key = key
    if batch:
        yield batch


def _by_person(files: Sequence[PhotoFile]) -> list[list[PhotoFile]]:
    runs: dict[str, list[PhotoFile]] = {}
    for file in files:
        runs.setdefault(file.key, []).append(file)
    return list(runs.values())


def _digest(path: Path, max_bytes: int) -> str:
    """Tell a file's digest; empty where it cannot be read, which is told when its turn comes."""
    try:
        return hashlib.sha256(read_photo(path, max_bytes)).hexdigest()
    except (OSError, RequestError):
        return ""
