"""What looks at pictures, without a network: it sees the same in every one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from huiyan.celebrity.gallery.model import Person, PersonFacts, PersonId
from huiyan.celebrity.model import Candidate
from huiyan.imaging.picture import Image
from huiyan.kernel.language import Bilingual
from huiyan.kernel.units import FloatArray
from huiyan.labelling.model import Findings, Instance
from huiyan.perception.barcode import Barcode
from huiyan.perception.face_reader import FaceReadings
from huiyan.perception.faces import Faces
from huiyan.persistence.query import Scope
from huiyan.recapture.model import Judgement, PatchEvidence, RecaptureParams
from huiyan.recognition.model import AnyCapability
from huiyan.recognition.schema import OperationSchema
from huiyan.subject.model import Rank, Subject, SubjectParams
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId, Vocabulary

ANIMAL = Category(CategoryId("animal"), Bilingual(zh="动物", en="Animal"))
SCENE = Category(CategoryId("scene"), Bilingual(zh="场景", en="Scene"))

Box = tuple[float, float, float, float]


def findings_of(seen: dict[tuple[str, str], tuple[Category, float, dict[Box, float]]]) -> Findings:
    """Make findings of: names (zh, en) to category, confidence and boxes with theirs."""
    by_id = {names[1]: (names, *rest) for names, rest in seen.items()}
    labels = tuple(
        Label(LabelId(id_), Bilingual(*by_id[id_][0]), by_id[id_][1], (), Aliases(), ())
        for id_ in sorted(by_id)
    )
    return Findings(
        vocabulary=Vocabulary(
            labels, (ANIMAL, SCENE), {label.id: row for row, label in enumerate(labels)}
        ),
        by_label=np.array([by_id[label.id][2] for label in labels], np.float32),
        instances={
            row: tuple(Instance(box, sure) for box, sure in by_id[label.id][3].items())
            for row, label in enumerate(labels)
            if by_id[label.id][3]
        },
    )


KNOWN_FINDINGS = findings_of(
    {
        ("狗", "dog"): (
            ANIMAL,
            0.9238,
            {(8.4, 4.0, 40.6, 44.0): 0.9238, (45.0, 10.0, 64.0, 30.0): 0.31},
        ),
        ("海滩", "beach"): (SCENE, 0.7, {}),
        ("猫", "cat"): (ANIMAL, 0.25, {(1.0, 1.0, 9.0, 9.0): 0.25}),
    }
)
"""In pictures of 64 by 48 px or more."""

KNOWN_SUBJECTS = (
    Subject(Rank.MAIN, (8.4, 4.0, 64.0, 44.0), 0.8),
    Subject(Rank.SECONDARY, (8.4, 4.0, 40.6, 44.0), 0.91),
    Subject(Rank.SECONDARY, (45.0, 10.0, 64.0, 30.0), 0.1),
)


def person_of(name_zh: str, name_en: str = "") -> Person:
    """Make somebody known, whose id is the name."""
    return Person(
        id=PersonId(name_en or name_zh),
        facts=PersonFacts(name_zh, name_en),
        enabled=True,
        photo_count=1,
        origin="starter",
    )


KNOWN_PEOPLE = (
    ((8.4, 4.0, 40.6, 44.0), Candidate(person_of("科菲·安南", "Kofi Annan"), 0.61, 0.98765)),
    ((45.0, 10.0, 64.0, 30.0), Candidate(person_of("", "Lena Horne"), 0.35, 0.5)),
    ((1.0, 1.0, 9.0, 9.0), None),
)
"""Faces with who they are; in pictures of 64 by 48 px or more."""

KNOWN_JUDGEMENT = Judgement(
    recaptured=0.97312,
    screen=0.9,
    original_threshold=0.8,
    barcode=Barcode(
        text="6901234567892",
        symbology="EAN13",
        corners_xy=((8.0, 4.004), (40.5, 4.0), (40.5, 30.0), (8.0, 30.0)),
    ),
    patches=(PatchEvidence(8, 0, 32, 0.99217), PatchEvidence(0, 16, 32, 0.5)),
)


class FakeAssembly:
    """Sees the same in every picture, after doing ``before``."""

    def __init__(self) -> None:
        self.before: Callable[[], None] = lambda: None
        self.looks: list[tuple[int, int]] = []
        self.findings = KNOWN_FINDINGS
        self.subjects = KNOWN_SUBJECTS
        self.judgement = KNOWN_JUDGEMENT
        self.people: tuple[tuple[Box, Candidate | None], ...] = KNOWN_PEOPLE
        self.face_reader = _FakeFaceReader(self)
        self.labeller = _FakeLabeller(self)
        self.subject = _FakeSubjects(self)
        self.recapture = _FakeRecapture(self)

    def look(self, image: Image) -> None:
        assert image.pixels.ndim == 3
        self.before()
        self.looks.append(image.size_wh)


class _FakeLabeller:
    min_short_side_px = None

    def __init__(self, assembly: FakeAssembly) -> None:
        self._assembly = assembly

    def find(self, image: Image) -> Findings:
        found = self.locate(image)
        return Findings(found.vocabulary, found.by_label, {})

    def locate(self, image: Image) -> Findings:
        self._assembly.look(image)
        return self._assembly.findings


class _FakeSubjects:
    min_short_side_px = None

    def __init__(self, assembly: FakeAssembly) -> None:
        self._assembly = assembly

    def recognise(self, image: Image, params: SubjectParams) -> tuple[Subject, ...]:
        self._assembly.look(image)
        return tuple(it for it in self._assembly.subjects if it.confidence >= params.threshold)


class _FakeRecapture:
    min_short_side_px = None

    def __init__(self, assembly: FakeAssembly) -> None:
        self._assembly = assembly

    def recognise(self, image: Image, params: RecaptureParams) -> Judgement:
        assert 0 <= params.threshold <= 1
        self._assembly.look(image)
        return self._assembly.judgement


class _FakeFaceReader:
    min_short_side_px = None

    def __init__(self, assembly: FakeAssembly) -> None:
        self._assembly = assembly

    def read(self, image: Image) -> FaceReadings:
        self._assembly.look(image)
        count = len(self._assembly.people)
        ones = np.ones(count, np.float32)
        xyxy = np.array([box for box, _ in self._assembly.people], np.float32).reshape(-1, 4)
        faces = Faces(xyxy, np.zeros((count, 5, 2), np.float32), ones)
        # Each embedding is the number of its face, for `_FakeLookup`.
        numbers = np.arange(count, dtype=np.float32)[:, np.newaxis]
        return FaceReadings(faces, numbers, 40 * ones, ones, ones)


class _FakeLookup:
    def __init__(self, assembly: FakeAssembly) -> None:
        self._assembly = assembly

    def prepare(self, scope: Scope) -> None:
        assert scope.project_id

    def identify(
        self, scope: Scope, embeddings: FloatArray, side_px: FloatArray, count: int
    ) -> tuple[tuple[Candidate, ...], ...]:
        assert scope.project_id
        assert len(side_px) == len(embeddings)
        assert count == 1
        found = [self._assembly.people[int(number)][1] for number in embeddings[:, 0]]
        return tuple(() if candidate is None else (candidate,) for candidate in found)


def fake_offer(
    assembly: FakeAssembly | None = None,
) -> tuple[tuple[AnyCapability, OperationSchema], ...]:
    """List what the composition root offers, every operation of it, without a network."""
    from huiyan.app import offer  # noqa: PLC0415 -- the whole service, seconds to import

    stand_in: Any = assembly or FakeAssembly()
    return offer(stand_in, _FakeLookup(stand_in))
