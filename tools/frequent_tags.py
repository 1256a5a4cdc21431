"""Count which tags pictures get most often, and write them as a table for the READMEs.

Usage: ``python tools/frequent_tags.py DIR… [--count 100]``. Every picture below
the folders is tagged at the default threshold; colours, formats and other properties of the picture
itself are counted too.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from huiyan.assembly import Assembly
from huiyan.evaluation.labelled import find_pictures
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.vocabulary.model import Label

THRESHOLD, LIMIT = 0.6, 150
COLUMNS = 4


def count_tags(folders: Sequence[Path]) -> tuple[Counter[Label], int]:
    """Tag every picture; give how often each label was said, and of how many pictures."""
    settings = load_settings()
    labeller = Assembly(settings).labeller
    limits = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
    budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
    paths = [path for folder in folders for path in find_pictures(folder)]
    counts: Counter[Label] = Counter()
    for path in track(paths, "pictures"):
        image = decode(path.read_bytes(), limits, labeller.min_short_side_px, budget)
        counts.update(it.label for it in labeller.find(image).best(THRESHOLD, LIMIT))
    return counts, len(paths)


def write_table(counts: Counter[Label], picture_count: int, count: int, language: str) -> str:
    """Lay the most frequent labels out in columns, most frequent first, row by row."""
    cells = [
        f"{label.name.zh} {label.name.en} · {number / picture_count:.1%}"
        if language == "zh"
        else f"{label.name.en} {label.name.zh} · {number / picture_count:.1%}"
        for label, number in sorted(counts.items(), key=lambda it: (-it[1], it[0].id))[:count]
    ]
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    lines = ["| | | | |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(row + [''] * (COLUMNS - len(row)))} |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", type=Path, nargs="+", help="folders of pictures")
    parser.add_argument("--count", type=int, default=100, help="how many tags")
    arguments = parser.parse_args()
    counts, picture_count = count_tags(arguments.folders)
    for language in ("en", "zh"):
        print(f"\n{write_table(counts, picture_count, arguments.count, language)}")


if __name__ == "__main__":
    main()
