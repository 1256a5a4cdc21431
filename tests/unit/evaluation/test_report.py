from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from huiyan.evaluation.celebrity import CelebrityFigures, SuspectPair
from huiyan.evaluation.detection import ClassDetectionFigures, DetectionFigures
from huiyan.evaluation.figures import ReliabilityBin
from huiyan.evaluation.media import KindFigures, MediaFigures
from huiyan.evaluation.open_set import DetPoint, EnrolledFigures, Share
from huiyan.evaluation.people import GroupFigures, PeopleFigures
from huiyan.evaluation.recapture_figures import (
    CollectorFigures,
    JudgedPicture,
    MediumFigures,
    RecaptureFigures,
    Spread,
)
from huiyan.evaluation.record import Record
from huiyan.evaluation.report import Source, read_template, render_page
from huiyan.evaluation.report_tables import CHAPTERS
from huiyan.evaluation.subject import SubjectFigures
from huiyan.evaluation.tagging import ClassFigures, CoverageFigures, TaggingFigures
from huiyan.kernel.errors import OperatorError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PAGE = Path(__file__).resolve().parents[3] / "docs" / "quality.md"

BINS = (ReliabilityBin(7, 0.11, 0.22, 0.17, 0.18),)
TAGGING = TaggingFigures(
    picture_count=40,
    unreadable=("/home/someone/set/broken.jpg: no picture",),
    top1=0.871,
    top5=0.972,
    ece_top1=0.0231,
    ece_tags=0.0192,
    coverage=0.913,
    precision=0.954,
    pictures_per_s=12.34,
    top1_reliability=BINS,
    tags_reliability=BINS,
    classes=tuple(ClassFigures(f"class {it}", 2, 0.5, 1.0) for it in range(12)),
)
COVERAGE = CoverageFigures(
    picture_count=31,
    unreadable=(),
    threshold=0.6,
    coverage=0.923,
    coverage_by_outputs=0.614,
    tags_per_picture=7.21,
    pictures_per_s=11.0,
)
MEDIA = MediaFigures(
    picture_count=32,
    unreadable=(),
    kind_count=2,
    map_fused=0.853,
    map_detector=0.781,
    map_whole=0.742,
    map_classifier=0.431,
    gain=0.072,
    ece=0.0312,
    precision=0.883,
    recall=0.624,
    tags_per_picture=11.3,
    people=PeopleFigures(30, 0.715, 0.0413, BINS, (GroupFigures("4–9", 5, 4, 3),)),
    pictures_per_s=1.6,
    reliability=BINS,
    kinds=(KindFigures("hair drier", 2, 0.1, 0.2, 0.3, 0.4),),
)
DETECTION = DetectionFigures(
    picture_count=32,
    box_count=222,
    unreadable=(),
    slicing="standard",
    ap=0.311,
    ap50=0.512,
    ap75=0.333,
    ap_small=None,
    ap_medium=0.3,
    ap_large=0.4,
    inferences_per_picture=5,
    pictures_per_s=4.4,
    classes=(ClassDetectionFigures("toaster", 2, 0.011),),
)
SUBJECT = SubjectFigures(
    picture_count=40,
    unreadable=(),
    max_f=0.981,
    max_f_threshold=0.51,
    mean_f=0.95,
    mae=0.0153,
    box_iou=0.912,
    box_over_half=0.971,
    box_over_three_quarters=0.864,
    without_subject=1,
    with_several=2,
    pictures_per_s=3.2,
)

ENROLLED = EnrolledFigures(
    photos=1,
    gallery_size=40,
    searched_count=800,
    rank1=Share(0.9951, 0.99, 1.0),
    found_at_hundredth=Share(0.983, 0.97, 0.9912),
    found_at_thousandth=Share(0.95, 0.91, 0.98),
    det=(DetPoint(0.003, Share(0.0252, 0.0164, 0.053)),),
    found_at_wire=Share(0.96, 0.95, 0.97),
    misnamed_at_wire=Share(0.0009, 0.0, 0.002),
    false_names_at_wire=Share(0.0014, 0.0, 0.0038),
)
CELEBRITY = CelebrityFigures(
    picture_count=200,
    unreadable=(),
    without_face=("/home/someone/set/ann.jpg",),
    several_faces_count=3,
    known_count=40,
    stranger_count=50,
    draws=20,
    seed=1,
    enrolled_one=ENROLLED,
    enrolled_three=None,
    suspects=(SuspectPair("ann/1.jpg", "bo/1.jpg", 0.9),),
    pictures_per_s=29.5,
)

RECAPTURE = RecaptureFigures(
    picture_count=103,
    unreadable=(),
    collector_count=21,
    threshold=0.95,
    auc=Share(0.9811, 0.9612, 0.9943),
    balanced_accuracy=Share(0.9432, 0.9, 0.9701),
    accuracy=Share(0.95, 0.9, 0.97),
    originals_accused=Share(0.0, 0.0, 0.155),
    recaptures_passed=None,
    uncertain=Share(0.18, 0.14, 0.22),
    ece=0.0312,
    spread=Spread(20, 0.811, 0.9, 0.95, 1.0, 0.061),
    with_code=2,
    pictures_per_s=8.1,
    media=(MediumFigures("print", 23, 1, 0, *[Share(0.913, 0.8, 0.97)] * 5),),
    collectors=(CollectorFigures("c09", 5, 24, 0.902, 0.8112),),
    reliability=BINS,
    judged=(JudgedPicture("real/a.jpg", "original", "c09", 0.97, "screen", "recaptured", ""),),
)


def _source(kind: str, figures: DataclassInstance, **options: str) -> Source:
    # Through JSON, as the page's figures come.
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(asdict(figures)))
    record = Record(
        kind=kind,
        huiyan="1.2.3",
        engine="Engine 4.5 (cpu)",
        cores=2,
        slicing="standard",
        set_name=f"{kind}_set",
        options={f"--{name.replace('_', '-')}": value for name, value in options.items()},
        figures=values,
    )
    return Source(f"{kind}.json", record)


ALL = (
    _source("tagging", TAGGING),
    _source("coverage", COVERAGE),
    _source("media", MEDIA),
    _source("detect", DETECTION),
    _source("subject", SUBJECT),
    _source("celebrity", CELEBRITY),
    _source("recapture", RECAPTURE),
)


def _with(source: Source, **changes: object) -> Source:
    return replace(source, record=msgspec.structs.replace(source.record, **changes))


def test_a_page_of_nothing_is_an_error() -> None:
    with pytest.raises(OperatorError, match="at least one"):
        render_page([])


def test_the_template_fills_without_anything_missing() -> None:
    page = render_page(ALL)
    assert "$" not in page
    assert "Not measured" not in page
    assert "None" not in page
    assert "nan" not in page.lower().split()
    for chapter in CHAPTERS:
        assert page.count(f"huiyan eval {chapter.kind} {chapter.kind}_set --json") == 1
        for row in chapter.rows:
            assert f"| {row.heading} |" in page
    made_by = " ".join(f"{chapter.kind}.json" for chapter in CHAPTERS)
    assert f"huiyan eval report {made_by} --write docs/quality.md" in page
    assert "Huiyan 1.2.3, Engine 4.5 (cpu), 2 cores" in page


def test_figures_stand_where_they_belong() -> None:
    page = render_page(ALL)
    for row in (
        "| top-1 | 87.1 % |",
        "| ECE all tags | 0.019 |",
        "| unreadable | 1 |",
        "| coverage by classes | 61.4 % |",
        "| mAP, fused list | 85.3 % |",
        "| gain | +7.2 points |",
        "| people counted right | 71.5 % |",
        "| 4–9 | 5 | 4 | 3 |",
        "| hair drier | 2 | 10.0 % | 20.0 % | 30.0 % | 40.0 % |",
        "| AP | 31.1 % |",
        "| AP small | – |",
        "| toaster | 2 | 1.1 % |",
        "| max F | 0.981 |",
        "| box IoU > 0.75 | 86.4 % |",
        "| 7 | 11.0 % | 22.0 % | 17.0 % | 18.0 % |",
        "| found at 1 %, 1 photo | 98.30 % (97.00–99.12) |",
        "| found at 1 %, 3 photos | – |",
        "| 0.3 % | 2.52 % (1.64–5.30) |",
        "| AUC | 0.981 (0.961–0.994) |",
        "| originals accused | 0.00 % (0.00–15.50) |",
        "| recaptures passed | – |",
        "| lowest | 81.1 % |",
        "| print | 23 | 1 | 0 | 91.30 % (80.00–97.00) | 91.3 % | 91.3 % | 91.3 % | 91.3 % |",
        "| c09 | 5 | 24 | 0.902 | 81.1 % |",
    ):
        assert row in page
    assert page.count("| answers | from | to | claimed | recaptured |") == 1
    assert page.count("| answers | from | to | claimed | right |") == 4
    assert "Weakest classes (10 of 12), tagging_set:" in page
    assert "class 9" in page
    assert "class 10" not in page


def test_no_path_of_the_machine_is_told() -> None:
    assert "/home" not in render_page(ALL)


def test_every_table_is_as_wide_as_its_head() -> None:
    blocks = re.findall(r"(?:^\|.*\n)+", render_page(ALL), re.MULTILINE)
    assert len(blocks) > 10
    for block in blocks:
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_what_was_not_measured_is_said() -> None:
    page = render_page(ALL[:1])
    for kind in ("coverage", "media", "detect", "subject", "celebrity", "recapture"):
        assert f"Not measured for this page: `huiyan eval {kind} DIR`." in page


def test_runs_of_one_kind_stand_side_by_side() -> None:
    held_out = _source("tagging", replace(TAGGING, top1=0.5, picture_count=20), half="held-out")
    page = render_page([ALL[0], replace(held_out, file_name="held out.json")])
    assert "| figure | tagging_set | tagging_set, --half held-out | meaning |" in page
    assert "| top-1 | 87.1 % | 50.0 % |" in page
    assert "huiyan eval tagging tagging_set --half held-out --json 'held out.json'" in page
    # Classes of the largest run, reliability of what was not fitted on.
    assert "Weakest classes (10 of 12), tagging_set:" in page
    assert "Reliability, most likely class, tagging_set, --half held-out:" in page


def test_an_unusual_slicing_is_told_where_it_matters() -> None:
    page = render_page([_with(source, slicing="fine") for source in ALL])
    assert "HUIYAN_DETECTOR_SLICING=fine huiyan eval media media_set" in page
    assert "| figure | media_set, slicing fine |" in page
    assert "HUIYAN_DETECTOR_SLICING=fine huiyan eval detect" not in page


def test_names_of_classes_cannot_break_the_table() -> None:
    odd = replace(TAGGING, classes=(ClassFigures("a|b\nc", 1, 0.0, 0.0),))
    assert "| a\\|b c | 1 | 0.0 % | 0.0 % |" in render_page([_source("tagging", odd)])


def test_a_set_that_shows_nothing_has_dashes() -> None:
    empty = replace(MEDIA, map_fused=None, gain=None, kinds=(), reliability=())
    page = render_page([_source("media", empty)])
    assert "| gain | – |" in page
    assert "Weakest kinds" not in page


def test_recaptures_of_which_none_could_be_judged_have_dashes() -> None:
    nothing = replace(RECAPTURE, picture_count=0, ece=None, reliability=(), judged=())
    page = render_page([_source("recapture", nothing)])
    assert "| ECE | – |" in page
    assert "probability of a recapture" not in page


def test_an_unknown_kind_is_named_with_its_file() -> None:
    with pytest.raises(OperatorError, match=r"media\.json.*'dreams'"):
        render_page([_with(ALL[2], kind="dreams")])


@pytest.mark.parametrize("figures", [{}, {"picture_count": 4, "people": 7}])
def test_a_missing_figure_is_named_with_its_file(figures: dict[str, object]) -> None:
    with pytest.raises(OperatorError, match=r"media\.json: has no figure"):
        render_page([_with(ALL[2], figures=figures)])


def test_the_page_in_the_repository_has_the_words_of_the_template() -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    missing = [line for line in read_template().splitlines() if "$" not in line]
    assert [line for line in missing if line not in page] == []
