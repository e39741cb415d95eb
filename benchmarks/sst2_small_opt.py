"""The small OPT of `sst2_parity.py` as a folder, beside the SST-2 sentences that it has not met.

    python benchmarks/sst2_small_opt.py SST-2 --out examples/SST-2

writes `small-opt` (the model, minutes of one core) and `train-rest.tsv` (the rows of `train.tsv`
behind those of the pre-training) into the folder: what `examples/accuracy-over-epsilon-sst2.toml`
runs on.
"""

import argparse
import shutil
from pathlib import Path

from sst2_parity import N_PRETRAINING, RECIPE, hinted

from zo_core.data.examples import read_examples
from zo_core.language.small_opt import prepare
from zo_core.language.tasks import SST2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data", type=Path, help="folder with train.tsv")
    parser.add_argument("--out", type=Path, required=True, help="folder for model and rows")
    options = parser.parse_args()
    source = options.data / "train.tsv"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "train-rest.tsv").write_text(rest_of(source), encoding="utf-8")
    met = read_examples(source, SST2.columns, "label", N_PRETRAINING)
    shutil.copytree(prepare(hinted(met), RECIPE), options.out / "small-opt", dirs_exist_ok=True)


def rest_of(source: Path) -> str:
    """Return heading and rows of a TSV file without those of the pre-training."""
    with source.open(encoding="utf-8") as file:
        heading, *rows = file
    return "".join([heading, *rows[N_PRETRAINING:]])


if __name__ == "__main__":
    main()
