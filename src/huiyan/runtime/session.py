"""A loaded network, as everyone else sees it.

Owns: the Protocol and the facts that a session can tell. Has no opinion on: engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from huiyan.kernel.units import AnyArray


class Session(Protocol):
    """Arrays in, arrays out; one session serves every thread."""

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        """Run the network once, and wait for it.

        Parameters
        ----------
        inputs : tuple of ndarray
            One for each input of the card, in its order, shape and dtype.

        Returns
        -------
        tuple of ndarray
            The outputs that were asked for at opening, in that order; they are the caller's own.

        Raises
        ------
        InferenceError
            The arrays do not fit, or the engine failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """How a session runs, for the start-up log and the model's record.

    Parameters
    ----------
    engine : str
        Name and version.
    device : {'cpu', 'cuda'}
        Where it runs.
    precision : str
        Arithmetic of layers that are not quantised, as the engine reports it.
    is_from_cache : bool
        Whether an earlier compilation was used.
    """

    engine: str
    device: str
    precision: str
    is_from_cache: bool
