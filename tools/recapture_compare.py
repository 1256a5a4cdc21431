"""What is measured of a fit: on people left out, altered, recompressed, whole, and of codes.

Owns: which sets of answers are told, and who may have been fitted on. Has no opinion on: how
figures are computed (`recapture_report`), and how anything is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import recapture_codes as codes
import recapture_report as report
import recapture_trials as trials
import recapture_views as views
from numpy.typing import NDArray
from recapture_baselines import (
    DESCRIPTION_LOOSENESS,
    EMBEDDING_LOOSENESS,
    describe_crops,
    embed_crops,
    score_left_out,
)
from recapture_bench import TRIED_STEP, Bench
from recapture_calibration import apply_left_out, probabilities, weigh_left_out
from recapture_features import Eye
from recapture_fit import EVERYONE, Fused, fit_without, join, join_recompressed
from recapture_heads import Branches, Said
from recapture_looks import Labels
from recapture_simulated import SIMULATED_MEDIA, SQUARES_A_MEDIUM
from rich.progress import Progress

from huiyan.assembly import Assembly
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import FloatArray
from huiyan.recapture.model import Judgement

FACES_STEP = 4
WORST_COUNT = 12


@dataclass(frozen=True, slots=True)
class Model:
    """What was fitted, and what it was fitted on.

    Parameters
    ----------
    known, photographs : Labels
        What is known of people's pictures and of photographs of codes.
    branches : dict of str to Branches
        The heads, by network.
    said : dict of str to Said
        What they say of whom they have not seen.
    fused : Fused
        The weighings.
    """

    known: Labels
    photographs: Labels
    branches: dict[str, Branches]
    said: dict[str, Said]
    fused: Fused

    def without(self, collector: str) -> trials.Fit:
        """Put together what has not seen a collector.

        Parameters
        ----------
        collector : str
            Who.

        Returns
        -------
        Fit
            Heads and weighings.
        """
        return fit_without(self.branches, self.fused, collector)

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """What is said of each person's pictures by what has not seen that person.

        Returns
        -------
        ndarray of shape (N,), float64
            Log-odds.
        """
        return self.fused.log_odds(join(self.said), self.known.collectors)


def compare(model: Model) -> dict[str, report.Figures]:
    """Measure the parts, what they make together, and how that bears other pictures.

    Parameters
    ----------
    model : Model
        What was fitted.

    Returns
    -------
    dict of str to Figures
        By what they are of.
    """
    known, said, fused = model.known, model.said, model.fused
    lines = fused.lines(known.collectors)
    log_odds, hidden = model.log_odds, ~known.guessable

    def measured(values: NDArray[np.float64]) -> report.Figures:
        return report.measure(values, known.labels, known.collectors, lines)

    found = {
        "fused": measured(log_odds),
        "fused, squares recompressed": measured(
            fused.log_odds(join_recompressed(said), known.collectors)
        ),
        "fused, files tell nothing": report.measure(
            log_odds[hidden], known.labels[hidden], known.collectors[hidden], lines[hidden]
        ),
    }
    table = join(said)
    for name, columns in (("squares by both", [0, 2]), ("whole picture by both", [1, 3])):
        found[name] = _alone(table[:, columns], known, lines)
    for place, name in enumerate(said):
        found[f"two squares by {name}"] = _alone(table[:, 2 * place], known, lines)
        found[f"whole picture by {name}"] = _alone(table[:, 2 * place + 1], known, lines)
        found[f"one square by {name}"] = _alone(said[name].squares[:, 0], known, lines)
    return found


def _alone(
    scores: NDArray[np.float64], known: Labels, lines: float | NDArray[np.float64]
) -> report.Figures:
    """Judge by scores, weighed without each collector."""
    table = scores.reshape(len(scores), -1)
    weighings = weigh_left_out(table, known.positive, known.collectors)
    log_odds = apply_left_out(weighings, table, known.collectors)
    return report.measure(log_odds, known.labels, known.collectors, lines)


def compare_baselines(bench: Bench, known: Labels) -> dict[str, report.Figures]:
    """Measure what was known before.

    Parameters
    ----------
    bench : Bench
        Rows and shelf.
    known : Labels
        What is known.

    Returns
    -------
    dict of str to Figures
        By what they are of.
    """
    classifier = Assembly(load_settings()).classifier
    embedded = embed_crops(classifier, bench.crops, bench.shelf)
    described = describe_crops(bench.crops, bench.shelf)

    def scored(name: str, features: FloatArray, looseness: float) -> NDArray[np.float64]:
        with Progress() as progress:
            task = progress.add_task(name, total=len(set(known.collectors.tolist())))
            return score_left_out(
                features,
                known.positive,
                known.collectors,
                looseness,
                lambda _: progress.advance(task),
            )

    crop, overview = (
        scored(name, embedded[:, place], EMBEDDING_LOOSENESS)
        for place, name in enumerate(("crop", "overview"))
    )
    frequencies = scored("frequencies", described[:, 0], DESCRIPTION_LOOSENESS)
    return {
        "Lite3, crop": _alone(crop, known, 0.95),
        "Lite3, overview": _alone(overview, known, 0.95),
        "Lite3, both": _alone(np.column_stack([crop, overview]), known, 0.95),
        "frequencies and colours": _alone(frequencies, known, 0.95),
    }


def try_altered(model: Model) -> dict[str, dict[str, float]]:
    """Tell how answers bear what is done to pictures.

    Parameters
    ----------
    model : Model
        What was fitted.

    Returns
    -------
    dict of str to dict of str to float
        Shares by what was done, then by what is told.
    """
    who = model.known.collectors[::TRIED_STEP]
    positive, lines = model.known.positive[::TRIED_STEP], model.fused.lines(who)
    found = {}
    for name in next(iter(model.said.values())).tried:
        table = np.column_stack([one.tried[name] for one in model.said.values()])
        found[name] = report.tell_verdicts(model.fused.log_odds(table, who), positive, lines)
    return found


def try_faces(bench: Bench, eyes: dict[str, Eye], model: Model) -> dict[str, float]:
    """Judge small pictures from news, all of them originals, as the service does.

    Parameters
    ----------
    bench : Bench
        Where they lie.
    eyes : dict of str to Eye
        The trunks.
    model : Model
        What was fitted; on none of them.

    Returns
    -------
    dict of str to float
        Shares; empty where the set is not there.
    """
    paths = sorted((bench.data_dir / "faces_sample").rglob("*.jpg"))[::FACES_STEP]
    files = tuple(views.LabelledFile(path, views.ORIGINAL, EVERYONE) for path in paths)
    if not files:
        return {}
    log_odds = _log_odds(trials.judge_files("faces", files, eyes, model.without, trials.as_sent))
    lines = model.fused.lines(np.full(len(files), EVERYONE))
    told = report.tell_verdicts(log_odds, np.zeros(len(files), np.bool_), lines)
    return {name: value for name, value in told.items() if name.startswith("originals")}


def _log_odds(judgements: list[Judgement]) -> NDArray[np.float64]:
    shares = np.clip([one.recaptured for one in judgements], 1e-9, 1 - 1e-9)
    log_odds: NDArray[np.float64] = np.log(shares / (1 - shares))
    return log_odds


def try_whole(bench: Bench, eyes: dict[str, Eye], model: Model) -> dict[str, report.Figures]:
    """Judge whole pictures as the service does, and compare with their crops.

    Parameters
    ----------
    bench : Bench
        The rows.
    eyes : dict of str to Eye
        The trunks.
    model : Model
        What was fitted.

    Returns
    -------
    dict of str to Figures
        By what they are of.
    """
    files = views.read_files(bench.data_dir / "recapture_whole")
    labels = np.array([file.label for file in files])
    collectors = np.array([file.collector for file in files])
    lines = model.fused.lines(collectors)
    place = {crop.path.name: number for number, crop in enumerate(bench.crops)}
    crops = model.log_odds[np.array([place[file.path.name] for file in files])]
    found = {"one crop and overview": report.measure(crops, labels, collectors, lines)}
    for name, read in (
        ("as the service judges", trials.as_sent),
        ("recompressed", trials.as_passed_on),
    ):
        log_odds = _log_odds(trials.judge_files(name, files, eyes, model.without, read))
        found[name] = report.measure(log_odds, labels, collectors, lines)
    return found


def try_codes(bench: Bench, eyes: dict[str, Eye], model: Model) -> dict[str, dict[str, float]]:
    """Judge photographs of codes, with the others of them fitted on and with none.

    Parameters
    ----------
    bench : Bench
        The photographs.
    eyes : dict of str to Eye
        The trunks.
    model : Model
        What was fitted.

    Returns
    -------
    dict of str to dict of str to float
        Numbers, by what was fitted on.
    """
    folds = model.photographs.collectors
    found = {}
    for name, left_out in (
        ("codes, other folds fitted on", folds),
        ("codes, none fitted on", np.full(len(folds), codes.COLLECTOR)),
    ):
        files = codes.fold_files(bench.photographs, left_out)
        judged = trials.judge_files(name, files, eyes, model.without, trials.as_sent)
        found[name] = trials.measure_barcodes(bench.photographs, judged)
    return found


def try_media(model: Model) -> dict[str, float]:
    """Tell how well prints and screens are told apart.

    Parameters
    ----------
    model : Model
        What was fitted.

    Returns
    -------
    dict of str to float
        By what they are of.
    """
    known, log_odds = model.known, model.log_odds
    table = np.column_stack([one.printed.mean(axis=1) for one in model.said.values()])
    printed = apply_left_out(model.fused.printed, table, known.collectors)
    numbers = {}
    for label in (views.SCREEN, views.PRINT):
        among = (known.labels == label) & (log_odds >= 0)
        named = (printed[among] >= 0) == (label == views.PRINT)
        numbers[f"{label}: found"] = report.share(log_odds[known.labels == label] >= 0)
        numbers[f"{label}: named rightly where found"] = report.share(named)
    recaptures = known.positive
    is_print = known.labels == views.PRINT
    same = recaptures & np.isin(known.collectors, known.collectors[is_print])
    for name, among in (("all screens", recaptures), ("screens of the same people", same)):
        numbers[f"real print, none of its person fitted on, against {name}, AUC"] = report.area(
            printed[among], is_print[among]
        )
    return numbers


def try_simulated(model: Model) -> dict[str, float]:
    """Tell what single squares of simulated media show to the smaller network.

    Parameters
    ----------
    model : Model
        What was fitted.

    Returns
    -------
    dict of str to float
        By what they are of.
    """
    said, known = model.said, model.known
    shape = said["lite0"].simulated.shape
    sources = np.repeat(known.collectors[~known.positive], shape[1])
    assert shape[1] == len(SIMULATED_MEDIA) * SQUARES_A_MEDIUM
    recaptured = apply_left_out(
        model.fused.patches["lite0"], said["lite0"].simulated.reshape(-1, 1), sources
    )
    table = np.column_stack([one.simulated_printed.ravel() for one in said.values()])
    printed = apply_left_out(model.fused.printed, table, sources)
    return trials.measure_simulated(recaptured.reshape(shape), printed.reshape(shape))


def list_worst(bench: Bench, model: Model) -> dict[str, list[dict[str, Any]]]:
    """List the pictures of either class that are judged worst.

    Parameters
    ----------
    bench : Bench
        The rows.
    model : Model
        What was fitted.

    Returns
    -------
    dict of str to list of dict
        File, collector and probability of a recapture; by label, the worst first.
    """
    shares = probabilities(model.log_odds)
    found = {}
    for label, sign in ((views.ORIGINAL, -1), (views.SCREEN, 1), (views.PRINT, 1)):
        members = np.flatnonzero(model.known.labels == label)
        order = members[np.argsort(sign * shares[members], kind="stable")][:WORST_COUNT]
        found[label] = [
            {
                "file": bench.crops[place].path.name,
                "collector": bench.crops[place].collector,
                "recaptured": round(float(shares[place]), 4),
            }
            for place in order
        ]
    return found
