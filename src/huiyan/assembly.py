"""From settings to what looks at pictures.

Owns: which model files do which work, and that each network is loaded once. Has no opinion on: who
asks, and what is done with the answers.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from huiyan.imaging.align import CHIP_SIDE_PX
from huiyan.imaging.library import set_up_libraries
from huiyan.imaging.picture import Image
from huiyan.kernel.settings import Settings
from huiyan.labelling.calibration import load_calibration
from huiyan.labelling.evidence import Eyes
from huiyan.labelling.fusion import Fusion
from huiyan.labelling.labeller import Labeller
from huiyan.labelling.objects import load_object_weights
from huiyan.perception import detector, face_embedder, faces, recapture_networks
from huiyan.perception.classifier import Classifier
from huiyan.perception.context import load_context
from huiyan.perception.detector import Detector, Slicing
from huiyan.perception.face_embedder import FaceEmbedder
from huiyan.perception.face_pyramid import FIRST_MIN_SCORE, FacePyramid
from huiyan.perception.face_reader import FaceReader
from huiyan.perception.faces import FaceDetector
from huiyan.perception.heads import MATERIAL_LAYER, SCENE_LAYER, load_head
from huiyan.perception.recapture_networks import RecaptureNetwork
from huiyan.perception.saliency import OUTPUT_NAME as MASK
from huiyan.perception.saliency import SaliencyModel
from huiyan.recapture.fusion import load_fusion
from huiyan.recapture.model import RecaptureParams
from huiyan.recapture.recogniser import RecaptureRecogniser
from huiyan.recapture.wire import DEFAULT_THRESHOLD
from huiyan.runtime.card import get_card, load_cards
from huiyan.runtime.engine import open_session
from huiyan.runtime.fan_out import FanOut
from huiyan.runtime.resized import resized
from huiyan.runtime.session import Session
from huiyan.runtime.store import ModelStore
from huiyan.subject.recogniser import SubjectRecogniser
from huiyan.vocabulary.load import load_vocabulary

CLASSIFIER_CARD = "efficientnet-lite3-int8"
DETECTOR_CARD = "ssd-mobilenet-v2-coco"
SALIENCY_CARD = "u2netp"
FACES_CARD = "yunet-2023mar"
EMBEDDER_CARD = "sface-2021dec"
LITE0_CARD = "recapture-lite0"
LITE2_CARD = "recapture-lite2"
NEEDED_CARDS = (
    *(CLASSIFIER_CARD, DETECTOR_CARD, SALIENCY_CARD),
    *(FACES_CARD, EMBEDDER_CARD),
    *(LITE0_CARD, LITE2_CARD),
)
"""Without these nothing is served."""

MODEL_HASH_DIGITS = 12
SUBJECT_SIDE_PX = 320
LABELLING_SIDE_PX = 192
"""A coarse mask is enough to tell the main object from its surroundings, at two fifths of
the cost (``docs/decisions/0009-subject.md``)."""


def open_store(settings: Settings) -> ModelStore:
    """Open the model store.

    Parameters
    ----------
    settings : Settings
        Where it is and which licences are allowed.

    Returns
    -------
    ModelStore
        The store; nothing is fetched.
    """
    root = settings.resolved_models_dir()
    return ModelStore(root, load_cards(root / "cards"), settings.allowed_licences)


def face_model(store: ModelStore) -> str:
    """Tell which network tells faces apart; nothing is loaded to know it.

    Parameters
    ----------
    store : ModelStore
        The model store.

    Returns
    -------
    str
        The card's name and the first 12 digits of its file's hash.
    """
    card = get_card(store.cards, EMBEDDER_CARD)
    return f"{card.name}:{card.sha256[:MODEL_HASH_DIGITS]}"


class Assembly:
    """Everything that looks at pictures, loaded when first asked for.

    Not for several threads at once until all that is needed is loaded; what it gives is.

    Parameters
    ----------
    settings : Settings
        Store, device, compute threads and slicing matter.

    Notes
    -----
    Loading raises ``ModelMissingError`` where a network is not in the store, with the command to
    run, and ``EngineUnavailableError`` where the device asked for cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        set_up_libraries()
        self._settings = settings
        self._threads = settings.resolved_compute_threads()
        self._store = open_store(settings)
        self.slicing = Slicing(settings.detector_slicing)
        # Twice the cores work on pictures at once; helping each other pays up to the cores only.
        self.fan_out = FanOut(max(1, self._threads // 2))

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier.

        Returns
        -------
        Classifier
            Serves all threads.
        """
        return Classifier(self._open(CLASSIFIER_CARD, ("logits", "embedding")))

    @cached_property
    def detector(self) -> Detector:
        """The detector of objects.

        Returns
        -------
        Detector
            Serves all threads.
        """
        return Detector(self._open(DETECTOR_CARD, detector.OUTPUT_NAMES), self.fan_out)

    @cached_property
    def faces(self) -> FaceDetector:
        """The detector of faces.

        Returns
        -------
        FaceDetector
            Serves all threads.
        """
        return FaceDetector(self._face_session)

    @cached_property
    def face_reader(self) -> FaceReader:
        """What finds faces of all sizes and tells them apart.

        Returns
        -------
        FaceReader
            Serves all threads.
        """
        look = FaceDetector(self._face_session, FIRST_MIN_SCORE)
        return FaceReader(FacePyramid(look, self.fan_out), self._embedder)

    @cached_property
    def _face_session(self) -> Session:
        return self._open(FACES_CARD, faces.OUTPUT_NAMES)

    @cached_property
    def _embedder(self) -> FaceEmbedder:
        session = self._open(EMBEDDER_CARD, face_embedder.OUTPUT_NAMES)
        return FaceEmbedder(session, face_model(self._store), self.fan_out)

    @cached_property
    def labeller(self) -> Labeller:
        """What says what is in a picture.

        Returns
        -------
        Labeller
            Serves all threads.
        """
        eyes = Eyes(
            classifier=self.classifier,
            detector=self.detector,
            saliency=self._saliency(LABELLING_SIDE_PX),
            faces=self.faces,
            scene_head=load_head(SCENE_LAYER),
            material_head=load_head(MATERIAL_LAYER),
            context=load_context(),
            slicing=self.slicing,
            fan_out=self.fan_out,
        )
        weights = load_object_weights(self.slicing)
        return Labeller(eyes, Fusion(load_vocabulary(), load_calibration(), weights))

    @cached_property
    def subject(self) -> SubjectRecogniser:
        """What finds the main subject.

        Returns
        -------
        SubjectRecogniser
            Serves all threads.
        """
        return SubjectRecogniser(self._saliency(SUBJECT_SIDE_PX), self.detector, self.fan_out)

    @cached_property
    def recapture(self) -> RecaptureRecogniser:
        """What tells the thing itself from a screen and from a print.

        Returns
        -------
        RecaptureRecogniser
            Serves all threads.
        """
        names = recapture_networks.OUTPUT_NAMES
        return RecaptureRecogniser(
            RecaptureNetwork(self._open(LITE0_CARD, names)),
            RecaptureNetwork(self._open(LITE2_CARD, names)),
            load_fusion(),
            self.fan_out,
        )

    def warm_up(self) -> None:
        """Let every network answer once: a process that cannot must not start listening."""
        side_px = self.labeller.min_short_side_px
        image = Image(np.zeros((side_px, side_px, 3), np.uint8), (side_px, side_px))
        self.labeller.locate(image)
        self.subject.look(image)
        self.face_reader.read(image)
        self.recapture.recognise(image, RecaptureParams(DEFAULT_THRESHOLD))
        self._embedder.embed((np.zeros((CHIP_SIDE_PX, CHIP_SIDE_PX, 3), np.uint8),))

    def _saliency(self, side_px: int) -> SaliencyModel:
        return SaliencyModel(self._open(SALIENCY_CARD, (MASK,), side_px), side_px)

    def _open(self, name: str, outputs: tuple[str, ...], side_px: int | None = None) -> Session:
        card = get_card(self._store.cards, name)
        path = self._store.path(card)
        return open_session(
            card if side_px is None else resized(card, side_px),
            path,
            outputs=outputs,
            device=self._settings.device,
            threads=self._threads,
            cache_dir=self._settings.data_dir / "compiled",
        )
