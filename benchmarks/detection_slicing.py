"""What each level of slicing finds and costs.

Run it with a folder of boxed pictures, for example ``python benchmarks/detection_slicing.py DIR``;
``--limit N`` takes about N pictures spread over the set, ``--threads N`` looks at N slices at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from huiyan.evaluation.boxes import read_boxed
from huiyan.evaluation.detection import DetectionEvaluator
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.library import set_up_libraries
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.perception.detector import COCO80_NAMES, OUTPUT_NAMES, Detector, Slicing
from huiyan.runtime.card import get_card, load_cards
from huiyan.runtime.engine import open_session
from huiyan.runtime.fan_out import FanOut
from huiyan.runtime.store import ModelStore

CARD = "ssd-mobilenet-v2-coco"


def open_evaluator(threads: int) -> DetectionEvaluator:
    """Open the starter detector from the model store.

    Parameters
    ----------
    threads : int
        How many slices are looked at side by side.

    Returns
    -------
    DetectionEvaluator
        Ready to measure.
    """
    set_up_libraries()
    settings = load_settings()
    root = settings.resolved_models_dir()
    store = ModelStore(root, load_cards(root / "cards"), settings.allowed_licences)
    card = get_card(store.cards, CARD)
    cache_dir = settings.data_dir / "compiled"
    session = open_session(card, store.path(card), OUTPUT_NAMES, "cpu", threads, cache_dir)
    limits = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
    budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
    return DetectionEvaluator(Detector(session, FanOut(threads)), limits, budget, SystemClock())


def main() -> None:
    """Run every level over the set and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    pictures = read_boxed(arguments.folder, COCO80_NAMES)
    step = max(1, len(pictures) // arguments.limit) if arguments.limit else 1
    evaluator = open_evaluator(arguments.threads)
    print("slicing   inferences  AP     small  medium large  ms a picture")
    for slicing in Slicing:
        it = evaluator.measure(pictures[::step], slicing, lambda: None)
        shares = (it.ap, it.ap_small, it.ap_medium, it.ap_large)
        told = "  ".join("  – " if share is None else f"{share:.3f}" for share in shares)
        cost_ms = 1000 / it.pictures_per_s if it.pictures_per_s else 0.0
        print(f"{slicing:<9} {it.inferences_per_picture:>10}  {told}  {cost_ms:6.0f}")


if __name__ == "__main__":
    main()
