"""Fit the heads for scenes and materials, and say how well they hold.

Usage: ``python tools/fit_heads.py DIR [--write FOLDER] [--cache FOLDER]``, where DIR holds
``scenes_sample``, ``materials_sample``, ``imagenet_sample``, ``coco_sample`` and
``saliency_sample``. Folds, views and landmarks come from hashes of file names, so nothing is
random. ``docs/decisions/0010-scene-and-material.md`` tells why the heads have this form.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import head_views
import numpy as np
from head_fit import HeadFit, fit_head
from head_machine import FOLD_COUNT, NO_PICTURE, Form, Rows
from head_report import report
from numpy.typing import NDArray
from rich.progress import track

from huiyan.assembly import open_store
from huiyan.imaging.geometry import centre_crop_resize
from huiyan.imaging.picture import Image
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import AnyArray, FloatArray, PixelArray
from huiyan.perception.classifier import CROP_FRACTION, INPUT_SIDE_PX
from huiyan.perception.heads import MATERIAL_LAYER, SCENE_LAYER
from huiyan.perception.saliency import SaliencyModel
from huiyan.runtime.card import get_card
from huiyan.runtime.engine import open_session
from huiyan.runtime.session import Session

SCENE_FORM = Form(dimensions=80, view_share=0.0, evenness=0.0)
MATERIAL_FORM = Form(dimensions=96, view_share=0.5, evenness=0.5)

VIEW_COUNT = 4
ELSEWHERE_COUNT = 3
MASK_SIDE_PX = 320
REDUCED_WEIGHT = 0.3
"""Of each scene at 100 px: the size that six of the classes have, for all of them."""

OTHER_SCENES = 600
"""Pictures of scenes that the material head sees as showing none of its classes."""

LIVING = re.compile(r"n01|n02[0-5]|n07")
"""Synsets of animals and food: things of no material of ours."""

HERE = Path(__file__).parent
JUDGED = HERE.parent / "src/huiyan/evaluation/data/head_strangers_judged.txt"
FITTED = HERE / "head_strangers_fitted.tsv"


@dataclass(frozen=True, slots=True)
class Bench:
    """What pictures are looked at with.

    Parameters
    ----------
    data_dir : Path
        Where the sets lie.
    cache_dir : Path or None
        Where embeddings are kept between runs.
    classifier : Session
        Answers with the embedding.
    saliency : SaliencyModel
        Finds the outline of things.
    """

    data_dir: Path
    cache_dir: Path | None
    classifier: Session
    saliency: SaliencyModel

    def embed(
        self, name: str, paths: list[Path], views: Callable[[Path], Iterable[PixelArray]]
    ) -> FloatArray:
        """Embed views of pictures.

        Parameters
        ----------
        name : str
            Of the step, for the bar and the cache.
        paths : list of Path
            The pictures.
        views : callable
            Gives the same number of views for each picture.

        Returns
        -------
        ndarray of shape (N, n_views, 1280), float32
            The embeddings.
        """

        def look(path: Path) -> list[FloatArray]:
            return [self._look(view) for view in views(path)]

        return self._kept(name, paths, look)

    def masks(self, name: str, paths: list[Path]) -> NDArray[np.uint8]:
        """Find the outline of the thing in each picture.

        Parameters
        ----------
        name : str
            Of the step, for the bar and the cache.
        paths : list of Path
            Pictures of one size.

        Returns
        -------
        ndarray of shape (N, H, W), uint8
            0 to 255.
        """

        def outline(path: Path) -> PixelArray:
            pixels = head_views.read_pixels(path)
            size_wh = (pixels.shape[1], pixels.shape[0])
            mask = cv2.resize(self.saliency.mask(Image(pixels, size_wh)), size_wh)
            return (np.clip(mask, 0, 1) * 255).astype(np.uint8)

        return self._kept(name, paths, outline)

    def _look(self, pixels: PixelArray) -> FloatArray:
        square = centre_crop_resize(np.ascontiguousarray(pixels), CROP_FRACTION, INPUT_SIDE_PX)
        embedding: FloatArray = self.classifier.run((square[np.newaxis],))[0][0]
        return embedding

    def _kept(self, name: str, paths: list[Path], work: Callable[[Path], object]) -> AnyArray:
        kept = None if self.cache_dir is None else self.cache_dir / f"{name}.npy"
        if kept is not None and kept.is_file():
            found: AnyArray = np.load(kept, allow_pickle=False)
            if len(found) == len(paths):
                return found
        made: AnyArray = np.array([work(path) for path in track(paths, name)])
        if kept is not None:
            np.save(kept, made)
        return made


def open_bench(data_dir: Path, cache_dir: Path | None) -> Bench:
    """Open the networks.

    Parameters
    ----------
    data_dir : Path
        Where the sets lie.
    cache_dir : Path or None
        Where embeddings are kept between runs.

    Returns
    -------
    Bench
        Ready to look.
    """
    cv2.setNumThreads(1)
    settings = load_settings()
    store = open_store(settings)

    def opened(card_name: str, output: str) -> Session:
        card = get_card(store.cards, card_name)
        compiled = settings.data_dir / "compiled"
        return open_session(card, store.path(card), (output,), "cpu", 1, compiled)

    saliency = SaliencyModel(opened("u2netp", "mask"), MASK_SIDE_PX)
    return Bench(data_dir, cache_dir, opened("efficientnet-lite3-int8", "embedding"), saliency)


def _pictures(folder: Path) -> list[Path]:
    return sorted((folder / "images").rglob("*.jpg"))


def _keys(names: list[str]) -> NDArray[np.float64]:
    digests = [hashlib.sha256(name.encode()).digest() for name in names]
    return np.argsort(np.argsort(np.array(digests, dtype="S32"), kind="stable")) / len(names)


def _plain(path: Path) -> list[PixelArray]:
    return [head_views.read_pixels(path)]


def _scene_views(path: Path, count: int) -> list[PixelArray]:
    pixels = head_views.read_pixels(path)
    return [head_views.view_scene(pixels, path.name, number) for number in range(count)]


def _strangers(bench: Bench, layer: str) -> tuple[list[Path], FloatArray, FloatArray]:
    with FITTED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    paths = [_path(bench, row["picture"]) for row in rows]
    plain = bench.embed("strangers", paths, _plain)[:, 0]
    views = bench.embed("strangers_views", paths, lambda path: _scene_views(path, 1))[:, 0]
    wanted = np.array([row["heads"] in {"both", layer} for row in rows])
    kept = [path for path, is_wanted in zip(paths, wanted, strict=True) if is_wanted]
    return kept, plain[wanted], views[wanted]


def _path(bench: Bench, picture: str) -> Path:
    folder, _, name = picture.partition("/")
    return bench.data_dir / folder / "images" / name


def _labelled(bench: Bench, name: str) -> tuple[list[Path], Rows]:
    paths = _pictures(bench.data_dir / name)
    classes = tuple(sorted({path.parent.name for path in paths}))
    labels = np.array([classes.index(path.parent.name) for path in paths])
    keys = _keys([f"{path.parent.name}/{path.name}" for path in paths])
    folds = np.zeros(len(paths), int)
    for label in range(len(classes)):
        members = np.flatnonzero(labels == label)
        folds[members[np.argsort(keys[members])]] = np.arange(len(members)) % FOLD_COUNT
    plain = bench.embed(name, paths, _plain)[:, 0]
    weights, may_be_landmark = np.ones(len(paths)), np.ones(len(paths), bool)
    pictures = np.arange(len(paths))
    rows = Rows(classes, plain, labels, weights, folds, pictures, keys, may_be_landmark)
    return paths, rows


def _repeated(rows: Rows, views: FloatArray) -> Rows:
    count = views.shape[1]
    at = np.repeat(np.arange(len(rows.labels)), count)
    weights = np.full(len(at), 1.5 / count)
    is_landmark = np.zeros(len(at), bool)
    return replace(
        rows.part(at), embeddings=views.reshape(len(at), -1), weights=weights, plain=is_landmark
    )


def _none(rows: Rows, embeddings: FloatArray, weight: float, keys: NDArray[np.float64]) -> Rows:
    count = len(embeddings)
    labels, folds = np.full(count, len(rows.classes)), np.arange(count) % FOLD_COUNT
    weights, plain = np.full(count, weight), np.ones(count, bool)
    pictures = np.full(count, NO_PICTURE)
    return Rows(rows.classes, embeddings, labels, weights, folds, pictures, keys, plain)


def scene_rows(bench: Bench) -> tuple[Rows, Rows, dict[str, FloatArray]]:
    """Collect what the scene head is fitted and tested on.

    Parameters
    ----------
    bench : Bench
        The networks.

    Returns
    -------
    plain, all rows, tests : tuple
        The labelled pictures as they are; with views and strangers; other looks at the labelled
        pictures, for testing only.
    """
    paths, plain = _labelled(bench, "scenes_sample")
    views = bench.embed("scene_views", paths, lambda path: _scene_views(path, VIEW_COUNT))
    small = bench.embed("scenes_reduced", paths, _reduced(100, 75))[:, 0]
    strangers, seen, altered = _strangers(bench, SCENE_LAYER)
    keys = _keys([path.name for path in strangers])
    others = bench.embed("materials_sample", _pictures(bench.data_dir / "materials_sample"), _plain)
    other_keys = np.linspace(0, 3, len(others))
    rows = Rows.joined(
        plain,
        _repeated(plain, views),
        replace(
            plain,
            embeddings=small,
            weights=np.full(len(paths), REDUCED_WEIGHT),
            plain=np.zeros(len(paths), bool),
        ),
        _none(plain, seen, 0.7, keys),
        replace(_none(plain, altered, 0.7, keys), plain=np.zeros(len(keys), bool)),
        _none(plain, others[:, 0], 0.4, other_keys),
    )

    tests = {"all at 130 px, JPEG 60": bench.embed("scenes_130", paths, _reduced(130, 60))[:, 0]}
    return plain, rows, tests


def _reduced(short_side_px: int, quality: int) -> Callable[[Path], list[PixelArray]]:
    def views(path: Path) -> list[PixelArray]:
        pixels = head_views.reduce_to(head_views.read_pixels(path), short_side_px)
        return [head_views.recompress(pixels, quality)]

    return views


def material_rows(bench: Bench) -> tuple[Rows, Rows, dict[str, FloatArray]]:
    """Collect what the material head is fitted and tested on.

    Parameters
    ----------
    bench : Bench
        The networks.

    Returns
    -------
    plain, all rows, tests : tuple
        As for `scene_rows`.
    """
    paths, plain = _labelled(bench, "materials_sample")
    outlines = bench.masks("material_masks", paths)
    masks = dict(zip(paths, outlines, strict=True))
    strangers, seen, altered = _strangers(bench, MATERIAL_LAYER)
    judged = [_path(bench, line) for line in JUDGED.read_text(encoding="utf-8").split()]

    def views(path: Path) -> list[PixelArray]:
        pixels = head_views.read_pixels(path)
        return [
            head_views.view_material(pixels, path.name, number) for number in range(VIEW_COUNT)
        ] + [_elsewhere(pixels, masks[path], path, n, strangers) for n in range(ELSEWHERE_COUNT)]

    def moved(path: Path) -> list[PixelArray]:
        pixels = head_views.read_pixels(path)
        return [_elsewhere(pixels, masks[path], path, ELSEWHERE_COUNT, judged)]

    keys = _keys([path.name for path in strangers])
    scenes = bench.embed("scenes_sample", _pictures(bench.data_dir / "scenes_sample"), _plain)
    some = scenes[:: max(1, len(scenes) // OTHER_SCENES), 0]
    laid = _laid_strangers(bench, paths, masks)
    rows = Rows.joined(
        plain,
        _repeated(plain, bench.embed("material_views", paths, views)),
        _none(plain, seen, 0.7, keys),
        replace(_none(plain, altered, 0.7, keys), plain=np.zeros(len(keys), bool)),
        _none(plain, some, 0.4, np.linspace(0, 3, len(some))),
        _none(plain, laid, 0.7, np.linspace(0, 2, len(laid))),
    )
    tests = {"on other backgrounds": bench.embed("materials_moved", paths, moved)[:, 0]}
    return plain, rows, tests


def _elsewhere(
    pixels: PixelArray, mask: PixelArray, path: Path, number: int, backgrounds: list[Path]
) -> PixelArray:
    if not head_views.is_cut_out_usable(mask):
        return head_views.view_material(pixels, path.name, VIEW_COUNT + number)
    return head_views.view_elsewhere(pixels, mask, path.name, number, backgrounds)


def _laid_strangers(bench: Bench, paths: list[Path], masks: dict[Path, PixelArray]) -> FloatArray:
    folder = bench.data_dir / "saliency_sample"
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        outlines = {folder / row["image"]: folder / row["mask"] for row in csv.DictReader(file)}
    living = sorted(path for path in outlines if LIVING.match(path.name))

    def laid(path: Path) -> list[PixelArray]:
        draw = head_views.generator("ground", path.name)
        thing, outline = head_views.read_pixels(path), head_views.read_pixels(outlines[path])
        while True:
            ground = paths[draw.integers(len(paths))]
            view = head_views.view_stranger(
                thing, outline[..., 0], head_views.read_pixels(ground), masks[ground], path.name
            )
            if view is not None:
                return [view]

    return bench.embed("material_strangers", living, laid)[:, 0]


def main() -> None:
    """Fit both heads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    bench = open_bench(arguments.folder, arguments.cache)
    judged = [_path(bench, line) for line in JUDGED.read_text(encoding="utf-8").split()]
    silent = bench.embed("judged", judged, _plain)[:, 0]
    for layer, form, collect in (
        (SCENE_LAYER, SCENE_FORM, scene_rows),
        (MATERIAL_LAYER, MATERIAL_FORM, material_rows),
    ):
        plain, rows, tests = collect(bench)
        fitted: HeadFit = fit_head(layer, rows, form)
        report(layer, plain, rows, tests, silent, fitted)
        if arguments.write is not None:
            (arguments.write / f"{layer}.npz").write_bytes(fitted.file_bytes())


if __name__ == "__main__":
    main()
