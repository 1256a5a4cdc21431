import threading
import time
from pathlib import Path

import numpy as np
import pytest

from huiyan.kernel.errors import ModelMissingError
from huiyan.runtime.card import Card
from huiyan.runtime.openvino_session import open_openvino_session
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models


def _pulled(store: ModelStore, name: str) -> tuple[Card, Path]:
    card = store.card(name)
    try:
        return card, store.path(card)
    except ModelMissingError as error:
        pytest.skip(f"NOT TESTED: {error.detail}")


@pytest.mark.parametrize(
    "name",
    [
        "efficientnet-lite3-int8",
        # OpenVINO takes tens of seconds to read this graph; its compilation is cached afterwards.
        pytest.param("ssd-mobilenet-v2-coco", marks=pytest.mark.slow),
        "u2netp",
        "yunet-2023mar",
        "sface-2021dec",
    ],
)
def test_every_starter_model_gives_what_its_card_says(
    name: str, model_store: ModelStore, tmp_path: Path
) -> None:
    card, path = _pulled(model_store, name)
    outputs = tuple(output.name for output in card.outputs)
    inputs = tuple(np.zeros(source.shape, source.dtype) for source in card.inputs)

    for _ in range(2):  # compiled, then from the cache
        session = open_openvino_session(card, path, outputs, 1, tmp_path)
        results = session.run(inputs)
        for result, output in zip(results, card.outputs, strict=True):
            assert (result.shape, str(result.dtype)) == (output.shape, output.dtype)
            assert np.isfinite(result).all()
    assert session.facts.is_from_cache


def test_eight_threads_at_once_get_what_one_gets(model_store: ModelStore, tmp_path: Path) -> None:
    card, path = _pulled(model_store, "efficientnet-lite3-int8")
    session = open_openvino_session(card, path, ("logits", "embedding"), 2, tmp_path)
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (1, 280, 280, 3), dtype=np.uint8) for _ in range(8)]
    alone = [session.run((picture,)) for picture in pictures]
    together: list[tuple[np.ndarray, ...]] = [()] * len(pictures)

    def work(number: int) -> None:
        for _ in range(3):
            together[number] = session.run((pictures[number],))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for one, other in zip(alone, together, strict=True):
        for expected, found in zip(one, other, strict=True):
            np.testing.assert_array_equal(expected, found)


def test_the_second_start_is_faster_and_answers_the_same(
    model_store: ModelStore, tmp_path: Path
) -> None:
    card, path = _pulled(model_store, "efficientnet-lite3-int8")
    picture = np.random.default_rng(1).integers(0, 256, (1, 280, 280, 3), dtype=np.uint8)
    seconds, answers = [], []
    for _ in range(3):
        began_s = time.thread_time()
        session = open_openvino_session(card, path, ("logits",), 2, tmp_path)
        seconds.append(time.thread_time() - began_s)
        answers.append(session.run((picture,))[0])

    assert min(seconds[1:]) < seconds[0]
    np.testing.assert_array_equal(answers[0], answers[1])
