"""Fit recapture detection, say how well it holds, and what it is better than.

Usage: ``python tools/fit_recapture.py --data DIR [--work DIR] [--json FILE] [--write [FOLDER]]``,
where DIR holds ``recapture_sample``, ``recapture_whole`` and ``barcode_photos`` in the form
described in ``docs/recapture.md``, and may hold ``faces_sample``.

Needs, beside Huiyan and its ``dev`` extra: ``pip install torch`` (the CPU build does), zxing-cpp
and the starter models. On one core without anything kept in ``--work`` it takes about half an hour,
afterwards a few minutes. Alterations come from hashes of file names, so nothing is random.

All figures are of collectors left out: heads, weighings and thresholds were fitted without the
collector whose pictures they judge; of photographs of codes, without their fold
(``recapture_codes.py``).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import recapture_codes as codes
import recapture_compare as compared
import recapture_report as report
from recapture_bench import TRIED_STEP, look, open_bench
from recapture_export import PACKAGE, write
from recapture_fit import EVERYONE, fuse
from recapture_heads import fit_branches, judge_left_out
from recapture_looks import labels_of


def main() -> None:
    """Fit, measure, compare, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache/huiyan/fit-recapture")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, nargs="?", const=PACKAGE, metavar="FOLDER")
    arguments = parser.parse_args()
    bench = open_bench(arguments.data, arguments.work)
    eyes, known = bench.eyes(), labels_of(bench.crops)
    photographs = codes.labels_of_codes(bench.photographs)
    looks = look(bench, eyes)
    branches = {
        name: fit_branches(known, photographs, seen, TRIED_STEP) for name, seen in looks.items()
    }
    said = {
        name: judge_left_out(known, photographs, seen, branches[name], TRIED_STEP)
        for name, seen in looks.items()
    }
    fused = fuse(known, photographs, said)
    model = compared.Model(known, photographs, branches, said, fused)
    tables = {"sample": compared.compare(model)}
    report.print_figures("Collectors left out", tables["sample"])
    altered = compared.try_altered(model)
    altered["news, 250 px"] = compared.try_faces(bench, eyes, model)
    report.print_verdicts("Altered", altered)
    numbers = {
        "media": compared.try_media(model),
        "simulated": compared.try_simulated(model),
        "thresholds": {
            "log-odds multiplied by": fused.flattening[EVERYONE],
            "original threshold": fused.original_threshold[EVERYONE],
        },
        "originals accused, by collector": tables["sample"]["fused"].accused_each,
        **compared.try_codes(bench, eyes, model),
    }
    for title, rows in numbers.items():
        report.print_numbers(title, rows)
    tables["whole"] = compared.try_whole(bench, eyes, model)
    report.print_figures("Whole pictures", tables["whole"])
    tables["baselines"] = compared.compare_baselines(bench, known)
    report.print_figures("Baselines, collectors left out", tables["baselines"])
    files = write(bench, model.without(EVERYONE), arguments.write)
    for name, value in files.items():
        print(f"  {name}: {value}")
    record = {
        "tables": tables,
        "altered": altered,
        "numbers": numbers,
        "worst": compared.list_worst(bench, model),
        "files": files,
        "arithmetic": bench.precision,
    }
    target = arguments.json or arguments.work / "figures.json"
    target.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


if __name__ == "__main__":
    main()
