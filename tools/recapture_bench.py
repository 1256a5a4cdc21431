"""The networks and pictures that recapture detection is fitted with.

Owns: opening them, and which features are computed. Has no opinion on: what is fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import recapture_alterations as alterations
import recapture_codes as codes
import recapture_simulated as simulated
import recapture_trials as trials
import recapture_views as views
from recapture_features import Eye, Precision, Shelf, best_precision
from recapture_graph import build_network
from recapture_looks import Looks
from recapture_trunk import LITE0, LITE2, Source, Trunk, fetch_weights, fold, load_trunk

from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.perception.recapture_networks import SIDE_PX

CORNERS = {"lite0": (1, 2), "lite2": (0, 3)}
"""Which of a crop's four squares each network judges: two that lie across, as in the service."""

TRIED_STEP = 6
"""Every so many pictures are altered in fixed ways."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What is worked with.

    Parameters
    ----------
    data_dir : Path
        Where the sets lie.
    crops : tuple of Crop
        The labelled pictures.
    photographs : tuple of LabelledFile
        Those of codes.
    shelf : Shelf
        What was computed before.
    trunks : dict of str to Trunk
        The networks in PyTorch, by the names of `CORNERS`.
    precision : {'f32', 'bf16'}
        Arithmetic of features.
    """

    data_dir: Path
    crops: tuple[views.Crop, ...]
    photographs: tuple[views.LabelledFile, ...]
    shelf: Shelf
    trunks: dict[str, Trunk]
    precision: Precision

    def eyes(self) -> dict[str, Eye]:
        """Open the trunks.

        Returns
        -------
        dict of str to Eye
            Ready to look.
        """
        return {
            name: Eye(build_network(fold(trunk), SIDE_PX, None), self.precision)
            for name, trunk in self.trunks.items()
        }


def open_bench(data_dir: Path, work_dir: Path) -> Bench:
    """Open the networks and read the rows.

    Parameters
    ----------
    data_dir : Path
        Where the sets lie.
    work_dir : Path
        Where downloads and features are kept.

    Returns
    -------
    Bench
        Ready to work.
    """
    trials.set_up()
    work_dir.mkdir(parents=True, exist_ok=True)

    def opened(source: Source) -> Trunk:
        return load_trunk(source, fetch_weights(source, work_dir))

    return Bench(
        data_dir,
        views.read_crops(data_dir / "recapture_sample"),
        views.read_files(data_dir / "barcode_photos"),
        Shelf(work_dir),
        {"lite0": opened(LITE0), "lite2": opened(LITE2)},
        best_precision(),
    )


def look(bench: Bench, eyes: dict[str, Eye]) -> dict[str, Looks]:
    """Compute the features of all pictures.

    Parameters
    ----------
    bench : Bench
        The pictures.
    eyes : dict of str to Eye
        The networks.

    Returns
    -------
    dict of str to Looks
        What each sees.
    """
    seen = {step.name: step.look(bench.shelf, eyes) for step in steps_of(bench)}

    def of_codes(kind: str, place: int) -> FloatArray:
        parts = [values[place] for name, values in seen.items() if name.startswith(f"codes-{kind}")]
        return np.concatenate(parts, axis=1)

    return {
        name: Looks(
            CORNERS[name],
            squares=seen["squares"][place],
            altered_squares=seen["squares-altered"][place],
            recompressed_squares=seen["squares-recompressed"][place],
            views=seen["views"][place],
            altered_views=seen["views-altered"][place],
            simulated=seen["squares-simulated"][place],
            code_views=seen["views-codes"][place],
            photo_squares=of_codes("squares", place),
            photo_views=of_codes("views", place),
            tried={
                trial: values[place]
                for trial, values in seen.items()
                if trial in alterations.TRIAL_NAMES
            },
        )
        for place, name in enumerate(eyes)
    }


@dataclass(frozen=True, slots=True)
class Step:
    """Features of one kind.

    Parameters
    ----------
    name : str
        For the shelf.
    items : sequence
        Pictures or numbers.
    show : callable
        Gives squares for each.
    picks : tuple of tuple of int or None
        Which of them each network looks at; None: all.
    """

    name: str
    items: Sequence[Any]
    show: Callable[[Any], PixelArray]
    picks: tuple[tuple[int, ...], ...] | None = None

    def look(self, shelf: Shelf, eyes: dict[str, Eye]) -> tuple[FloatArray, ...]:
        """Compute or find them.

        Parameters
        ----------
        shelf : Shelf
            Where they are kept.
        eyes : dict of str to Eye
            The networks.

        Returns
        -------
        tuple of ndarray of shape (N, views, D), float32
            By network.
        """
        name = self.name.replace(" ", "-")
        return shelf.features(name, self.items, self.show, tuple(eyes.values()), self.picks)


def steps_of(bench: Bench) -> tuple[Step, ...]:
    """List all features that are computed.

    Parameters
    ----------
    bench : Bench
        The pictures.

    Returns
    -------
    tuple of Step
        In no particular order.
    """
    crops, photographs = bench.crops, codes.crops_of(bench.photographs)
    corners = tuple(CORNERS.values())
    with_view = tuple((*places, views.CORNER_COUNT) for places in corners)
    shown = {
        "squares": (views.plain_squares, views.altered_squares),
        "views": (views.plain_views, views.altered_views),
    }
    return (
        Step("squares", crops, views.plain_squares),
        Step("squares-altered", crops, views.altered_squares),
        Step("squares-recompressed", crops, views.recompressed_squares, corners),
        Step("squares-simulated", simulated.originals(crops), simulated.simulated_squares),
        Step("views", crops, views.plain_views),
        Step("views-altered", crops, views.altered_views),
        Step("views-codes", range(simulated.CODE_COUNT), simulated.code_views),
        *(
            Step(f"codes-{kind}-{show.__name__}", photographs, show)
            for kind, shows in shown.items()
            for show in shows
        ),
        *(
            Step(name, crops[::TRIED_STEP], alterations.looks_at(trial), with_view)
            for name, trial in zip(
                alterations.TRIAL_NAMES, (*alterations.TRIALS, None), strict=True
            )
        ),
    )
