"""What looks at pictures, without a network: it sees the same in every one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from huiyan.imaging.picture import Image
from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Findings, Instance
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


class FakeAssembly:
    """Sees `findings` and `subjects` in every picture, after doing what ``before`` says."""

    def __init__(self) -> None:
        self.before: Callable[[], None] = lambda: None
        self.looks: list[tuple[int, int]] = []
        self.findings = KNOWN_FINDINGS
        self.subjects = KNOWN_SUBJECTS
        self.labeller = _FakeLabeller(self)
        self.subject = _FakeSubjects(self)

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


def fake_offer(
    assembly: FakeAssembly | None = None,
) -> tuple[tuple[AnyCapability, OperationSchema], ...]:
    """List what the composition root offers, every operation of it, without a network."""
    from huiyan.app import offer  # noqa: PLC0415 -- the whole service, seconds to import

    stand_in: Any = assembly or FakeAssembly()
    return offer(stand_in)
