"""What people would write today: FastAPI, pydantic, Pillow and the same networks.

Each network is run on the same parts of the picture as in Huiyan's media tagging, and what it says
is listed as it is. Unsigned and unmetered, nothing fused, named or calibrated, so it does less than
Huiyan; the benchmark still compares pictures a second. Prints its port on the first line.
"""

from __future__ import annotations

import base64
import io
import socket

import numpy as np
import openvino
import uvicorn
from fastapi import FastAPI
from PIL import Image
from pydantic import BaseModel

from huiyan.assembly import (
    CLASSIFIER_CARD,
    DETECTOR_CARD,
    FACES_CARD,
    LABELLING_SIDE_PX,
    SALIENCY_CARD,
    open_store,
)
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import AnyArray
from huiyan.perception.detector import GRIDS, Slicing
from huiyan.runtime.card import get_card

CLASSIFIER_PX, CROP_SHARE = 280, 280 / 312
DETECTOR_PX, FACES_PX = 300, 640
DETECTOR_SCORES = "Postprocessor/convert_scores:0"
"""Before the graph's own suppression, which would cost it far more."""

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class TagRequest(BaseModel):
    """The body."""

    image: str
    language: str = "zh"
    threshold: float = 60
    limit: int = 50


class Network:
    """One compiled network."""

    def __init__(self, card: str, shape: list[int], output: str | None = None) -> None:
        store = open_store(load_settings())
        model = openvino.Core().read_model(store.path(get_card(store.cards, card)))
        if output is not None:
            ports = [port for node in model.get_ordered_ops() for port in node.outputs()]
            found = [port for port in ports if output in port.get_names()]
            model = openvino.Model(found, model.get_parameters())
        model.reshape(shape)
        self.compiled = openvino.compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
        dtype = self.compiled.input(0).element_type.to_dtype()
        self.run(np.zeros(shape, dtype))  # two first inferences at once can hang

    def run(self, pixels: AnyArray) -> list[AnyArray]:
        """Run it once."""
        found = self.compiled.create_infer_request().infer({0: pixels})
        return list(found.to_tuple())


def squashed(picture: Image.Image, side_px: int) -> AnyArray:
    """Give a picture as a square, shape (1, side, side, 3)."""
    return np.asarray(picture.resize((side_px, side_px)))[None]


def build() -> FastAPI:
    """Build the application around the networks."""
    classifier = Network(CLASSIFIER_CARD, [1, CLASSIFIER_PX, CLASSIFIER_PX, 3])
    detector = Network(DETECTOR_CARD, [1, DETECTOR_PX, DETECTOR_PX, 3], DETECTOR_SCORES)
    saliency = Network(SALIENCY_CARD, [1, 3, LABELLING_SIDE_PX, LABELLING_SIDE_PX])
    faces = Network(FACES_CARD, [1, 3, FACES_PX, FACES_PX])
    app = FastAPI()

    def find_objects(picture: Image.Image) -> AnyArray:
        parts = [(0, 0, *picture.size)]
        for grid in GRIDS[Slicing.STANDARD]:
            parts += grid.lay(picture.size)
        views = [squashed(picture.crop(part), DETECTOR_PX) for part in parts]
        best: AnyArray = np.max([detector.run(it)[0][0].max(axis=0) for it in views], axis=0)
        return best

    @app.post("/tag")  # type: ignore[untyped-decorator]
    def tag(request: TagRequest) -> dict[str, object]:
        picture = Image.open(io.BytesIO(base64.b64decode(request.image))).convert("RGB")
        side = int(min(picture.size) * CROP_SHARE)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        middle = picture.crop((left, top, left + side, top + side))
        classes = classifier.run(squashed(middle, CLASSIFIER_PX))[0][0].astype(np.float32) / 256
        scores = np.concatenate([classes, find_objects(picture)])
        best = np.argsort(-scores)[: request.limit]
        kept = [index for index in best if scores[index] * 100 >= request.threshold]
        small = squashed(picture, LABELLING_SIDE_PX).astype(np.float32)
        small = (small / max(1, small.max()) - MEAN) / DEVIATION
        mask = saliency.run(np.ascontiguousarray(small.transpose(0, 3, 1, 2), np.float32))[0]
        square = Image.new("RGB", (FACES_PX, FACES_PX))
        scale = FACES_PX / max(picture.size)
        fitted = (max(1, int(picture.width * scale)), max(1, int(picture.height * scale)))
        square.paste(picture.resize(fitted))
        planes = np.asarray(square, np.float32)[None, :, :, ::-1].transpose(0, 3, 1, 2)
        face = max(float(it.max()) for it in faces.run(np.ascontiguousarray(planes))[:3])
        return {
            "tags": [{"tag": int(i), "confidence": float(scores[i])} for i in kept],
            "subject": float((mask > 0.5).mean()),
            "face": face,
        }

    return app


def main() -> None:
    """Serve on a free port of the loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(build(), log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
