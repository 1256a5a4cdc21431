"""Recapture detection on whole pictures, on barcodes and on simulated media.

Owns: running the service's own recogniser with heads that have not seen a picture's collector, and
what is told of its answers. Has no opinion on: how heads are fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from head_views import read_pixels
from numpy.typing import NDArray
from recapture_calibration import ACCUSING
from recapture_features import Eye
from recapture_graph import Heads
from recapture_report import area, share
from recapture_simulated import SIMULATED_MEDIA, SQUARES_A_MEDIUM
from recapture_views import MESSENGER, LabelledFile, as_image, decode
from rich.progress import track

from huiyan.imaging.recompress import recompress
from huiyan.kernel.units import AnyArray, PixelArray
from huiyan.perception.recapture_networks import RecaptureNetwork
from huiyan.recapture.fusion import Fusion
from huiyan.recapture.model import Judgement, RecaptureParams
from huiyan.recapture.recogniser import RecaptureRecogniser
from huiyan.runtime.fan_out import FanOut


class HeadSession:
    """Heads on top of a trunk, as a `huiyan.runtime.session.Session`.

    Parameters
    ----------
    eye : Eye
        Gives features.
    heads : Heads
        What is read out of them.
    """

    def __init__(self, eye: Eye, heads: Heads) -> None:
        self._eye = eye
        self._heads = heads

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        """Look at a square.

        Parameters
        ----------
        inputs : tuple of one ndarray of shape (1, side, side, 3), uint8
            RGB.

        Returns
        -------
        tuple of one ndarray of shape (1, heads), float32
            Log-odds.
        """
        features = self._eye.look(inputs[0][0]).astype(np.float64)
        logits = features @ self._heads.weights + self._heads.bias
        return (logits[np.newaxis].astype(np.float32),)


@dataclass(frozen=True, slots=True)
class Fit:
    """Everything that was fitted without somebody.

    Parameters
    ----------
    heads : dict of str to Heads
        On the trunks, by name.
    fusion : Fusion
        What weighs them.
    """

    heads: dict[str, Heads]
    fusion: Fusion


def open_recogniser(eyes: dict[str, Eye], fit: Fit, fan_out: FanOut) -> RecaptureRecogniser:
    """Put the service's recogniser together.

    Parameters
    ----------
    eyes : dict of str to Eye
        The trunks.
    fit : Fit
        What stands on them.
    fan_out : FanOut
        Of one core.

    Returns
    -------
    RecaptureRecogniser
        As the service uses it.
    """
    lite0, lite2 = (
        RecaptureNetwork(HeadSession(eyes[name], fit.heads[name])) for name in ("lite0", "lite2")
    )
    return RecaptureRecogniser(lite0, lite2, fit.fusion, fan_out)


def as_sent(path: Path) -> PixelArray:
    """Read a picture as it is.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    return read_pixels(path)


def as_passed_on(path: Path) -> PixelArray:
    """Read a picture as a messenger passes it on.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    return decode(recompress(read_pixels(path), MESSENGER))


def judge_files(
    name: str,
    files: Iterable[LabelledFile],
    eyes: dict[str, Eye],
    fit_without: Callable[[str], Fit],
    read: Callable[[Path], PixelArray],
) -> list[Judgement]:
    """Judge whole pictures, each with heads that have not seen its collector.

    Parameters
    ----------
    name : str
        Of the step.
    files : iterable of LabelledFile
        The pictures.
    eyes : dict of str to Eye
        The trunks.
    fit_without : callable
        Gives what was fitted without a collector.
    read : callable
        `as_sent` or `as_passed_on`.

    Returns
    -------
    list of Judgement
        In the order of the files.
    """
    judgements = []
    fan_out = FanOut(1)
    for file in track(list(files), name, disable=not name):
        recogniser = open_recogniser(eyes, fit_without(file.collector), fan_out)
        judgements.append(
            recogniser.recognise(as_image(read(file.path)), RecaptureParams(ACCUSING))
        )
    return judgements


def measure_barcodes(
    files: tuple[LabelledFile, ...], judgements: list[Judgement]
) -> dict[str, float]:
    """Tell what barcodes show.

    Parameters
    ----------
    files : tuple of LabelledFile
        The photographs.
    judgements : list of Judgement
        The answers.

    Returns
    -------
    dict of str to float
        By what they are of.
    """
    labels = np.array([file.label for file in files])
    shares = np.array([one.recaptured for one in judgements])
    read = np.array([one.barcode is not None for one in judgements])
    as_print = np.array([one.screen < 0.5 for one in judgements])
    product, screen = labels == "product", labels == "screen"
    first, second = labels == "first_print", labels == "second_print"
    both = first | second
    return {
        "photographs": float(len(labels)),
        "codes read": share(read),
        "product codes accused at 0.95": share(shares[product] >= ACCUSING),
        "product codes above one half": share(shares[product] >= 0.5),
        "codes on screens found at one half": share(shares[screen] >= 0.5),
        "codes on screens found at 0.95": share(shares[screen] >= ACCUSING),
        "codes on screens named rightly": share(~as_print[screen]),
        "screen against product, AUC": area(shares[product | screen], screen[product | screen]),
        "first print accused at 0.95": share(shares[first] >= ACCUSING),
        "second print found at one half": share(shares[second] >= 0.5),
        "second print named rightly": share(as_print[second]),
        "first against second print, AUC": area(shares[both], second[both]),
        "product against second print, AUC": area(
            shares[product | second], second[product | second]
        ),
    }


def measure_simulated(
    recaptured: NDArray[np.float64], printed: NDArray[np.float64]
) -> dict[str, float]:
    """Tell what single squares of simulated media show.

    Parameters
    ----------
    recaptured, printed : ndarray of shape (N, 6), float64
        Calibrated log-odds of the squares of `simulated_squares`.

    Returns
    -------
    dict of str to float
        By what they are of.
    """
    numbers = {}
    for place, medium in enumerate(SIMULATED_MEDIA):
        squares = slice(place * SQUARES_A_MEDIUM, (place + 1) * SQUARES_A_MEDIUM)
        numbers[f"{medium}: squares above one half"] = share(recaptured[:, squares] >= 0)
        if medium != "original":
            named = (printed[:, squares] >= 0) == (medium == "print")
            numbers[f"{medium}: named rightly"] = share(named)
    plain = recaptured[:, :SQUARES_A_MEDIUM].ravel()
    for place, medium in enumerate(SIMULATED_MEDIA[1:], 1):
        taken = recaptured[:, place * SQUARES_A_MEDIUM : (place + 1) * SQUARES_A_MEDIUM].ravel()
        truth = np.arange(len(plain) + len(taken)) >= len(plain)
        numbers[f"{medium} against original, AUC"] = area(np.concatenate([plain, taken]), truth)
    return numbers


def set_up() -> None:
    """Keep OpenCV to one thread: the order of additions, and so the rounding, stays the same."""
    cv2.setNumThreads(1)
