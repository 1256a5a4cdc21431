"""What an operation cannot do without, measured with nothing around it.

Owns: which networks an operation runs and on what, and the processor time of each alone. Has no
opinion on: HTTP.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from huiyan.app import offer
from huiyan.assembly import Assembly
from huiyan.celebrity.assembly import open_starter_memory
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Image
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES, AnyArray
from huiyan.local import gallery_settings
from huiyan.persistence.query import Scope
from huiyan.recognition.model import AnyCapability, PictureBytes
from huiyan.runtime.session import Session

LATEST_VERSIONS = frozenset({"v2", "v3"})

ANYWHERE = Scope(AccountId("local"), ProjectId("local"))
"""A project without a gallery of its own."""


@dataclass(frozen=True, slots=True)
class Network:
    """A session that keeps what it was run on."""

    name: str
    session: Session
    inputs: list[tuple[AnyArray, ...]] = field(default_factory=list)

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        """Run the session."""
        self.inputs.append(inputs)
        return self.session.run(inputs)


class WatchedAssembly(Assembly):
    """The server's own assembly, every network of it watched."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.networks: list[Network] = []

    def _open(self, name: str, outputs: tuple[str, ...], side_px: int | None = None) -> Session:
        shown = name if side_px is None else f"{name} at {side_px} px"
        network = Network(shown, super()._open(name, outputs, side_px))
        self.networks.append(network)
        return network


class Operation:
    """One operation in this process, without HTTP, accounts and records."""

    def __init__(self, settings: Settings, interface: str) -> None:
        assembly = WatchedAssembly(settings)
        people = open_starter_memory(gallery_settings(settings))
        offered = [capability for capability, _ in offer(assembly, people)]
        self.capability: AnyCapability = next(
            it for it in offered if it.interface == interface and it.version in LATEST_VERSIONS
        )
        self._budget = MemoryBudget(400 * MIB_BYTES)
        self._networks = assembly.networks

    def picture(self, body: bytes) -> bytes:
        """Give the picture in a body."""
        source = self.capability.parse(body).source
        assert isinstance(source, PictureBytes)
        return source.data

    def decode(self, picture: bytes) -> Image:
        """Decode a picture as the operation does."""
        limits, side_px = self.capability.limits, self.capability.min_short_side_px
        return decode(picture, limits, side_px, self._budget)

    def answer(self, body: bytes) -> bytes:
        """Answer a body."""
        params = self.capability.parse(body).params
        result = self.capability.recognise(self.decode(self.picture(body)), params, ANYWHERE)
        return self.capability.render(result, params)

    def networks(self, body: bytes) -> list[Network]:
        """Give the networks that one body needs, each with all it is run on."""
        self.answer(body)
        for network in self._networks:
            network.inputs.clear()
        self.answer(body)
        return [Network(it.name, it.session, list(it.inputs)) for it in self._networks if it.inputs]


def bare_ms(networks: Sequence[Network], repeats: int, threads: int) -> dict[str, float]:
    """CPU milliseconds a picture of each network's bare runs, in threads side by side."""

    def work(network: Network) -> None:
        for _ in range(repeats):
            for inputs in network.inputs:
                network.session.run(inputs)

    return {
        network.name: cpu_ms(lambda it=network: side_by_side(lambda: work(it), threads))  # type: ignore[misc]
        / (repeats * threads)
        for network in networks
    }


def large_floors_ms(operation: Operation, body: bytes, repeats: int) -> dict[str, float]:
    """CPU milliseconds of what a large picture needs besides the networks."""
    picture = operation.picture(body)
    steps: dict[str, Callable[[], object]] = {
        "parse the body": lambda: operation.capability.parse(body),
        "hash the body": lambda: hashlib.sha256(body).digest(),
        "decode at scale": lambda: operation.decode(picture),
    }
    floors = {}
    for name, step in steps.items():
        step()
        floors[name] = cpu_ms(lambda step=step: [step() for _ in range(repeats)]) / repeats  # type: ignore[misc]
    return floors


def cpu_ms(run: Callable[[], object]) -> float:
    """CPU milliseconds that this process, all its threads together, takes for something."""
    started = time.process_time()
    run()
    return (time.process_time() - started) * 1000


def side_by_side(work: Callable[[], None], threads: int) -> None:
    """Do the same in several threads at once."""
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
