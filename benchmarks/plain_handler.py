"""What people would write today: FastAPI, pydantic, Pillow and the same network.

Unsigned and unmetered, so it does less than Huiyan; the benchmark still compares pictures a second.
Prints its port on the first line.
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

from huiyan.app import CLASSIFIER_CARD, open_store
from huiyan.kernel.settings import load_settings
from huiyan.runtime.card import get_card

SIDE_PX = 280
CROP_SHARE = 280 / 312


class TagRequest(BaseModel):
    """The body."""

    image: str
    language: str = "zh"
    threshold: float = 60
    limit: int = 50


def build() -> FastAPI:
    """Build the application around the network."""
    store = open_store(load_settings())
    model = str(store.path(get_card(store.cards, CLASSIFIER_CARD)))
    compiled = openvino.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    nothing = np.zeros((1, SIDE_PX, SIDE_PX, 3), np.uint8)
    compiled.create_infer_request().infer({0: nothing})  # two first inferences at once can hang
    app = FastAPI()

    @app.post("/tag")  # type: ignore[untyped-decorator]
    def tag(request: TagRequest) -> dict[str, object]:
        picture = Image.open(io.BytesIO(base64.b64decode(request.image))).convert("RGB")
        side = int(min(picture.size) * CROP_SHARE)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side)).resize((SIDE_PX, SIDE_PX))
        found = compiled.create_infer_request().infer({0: np.asarray(picture)[None]})
        scores = found[compiled.output(0)][0].astype(np.float32) / 256
        best = np.argsort(-scores)[: request.limit]
        kept = [index for index in best if scores[index] * 100 >= request.threshold]
        return {"tags": [{"tag": int(i), "confidence": float(scores[i])} for i in kept]}

    return app


def main() -> None:
    """Serve on a free port of the loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(build(), log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
