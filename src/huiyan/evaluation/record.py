"""What an evaluation leaves behind: figures, and how they came about.

Owns: the one JSON form that all evaluations write, and reading it back. Has no opinion on: which
figures there are, and how they are shown.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from huiyan.kernel.errors import OperatorError


class Record(msgspec.Struct, frozen=True):
    """One run of one evaluation.

    Parameters
    ----------
    kind : str
        What was measured, as the command calls it: ``tagging``, ``coverage``, ``media``,
        ``detect``, ``subject``, ``celebrity`` or ``recapture``.
    huiyan : str
        Huiyan's version.
    engine : str
        Name and version of the inference engine, and the device.
    cores : int
        How many processor cores could be used.
    slicing : str
        The setting ``detector_slicing``.
    set_name : str
        Name of the folder with the pictures, without the folders above it; ``set`` in JSON.
    options : dict of str to str
        The command's options that were given, such as ``--half``, without those for output.
    figures : dict
        The figures, by the names that their dataclass gives them.
    """

    kind: str
    huiyan: str
    engine: str
    cores: int
    slicing: str
    set_name: str = msgspec.field(name="set")
    options: dict[str, str]
    figures: dict[str, Any]


def render_record(record: Record) -> str:
    """Write a record as JSON.

    Parameters
    ----------
    record : Record
        The run.

    Returns
    -------
    str
        Indented, without a line break at the end.
    """
    return json.dumps(msgspec.to_builtins(record), indent=2, ensure_ascii=False)


def read_record(path: Path) -> Record:
    """Read a record from a file.

    Parameters
    ----------
    path : Path
        As `render_record` wrote it.

    Returns
    -------
    Record
        The run.

    Raises
    ------
    OperatorError
        The file cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise OperatorError(
            f"{path}: not written by huiyan eval … --json FILE of this version: {error}"
        ) from error
