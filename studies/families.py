"""The longer runs behind lecture 09: `make study` repeats them and writes families.json beside this file.

Every family, three seeds, both data sets, twice the lecture's budget: the likelihood's gap, total variation with its
floor, the modes' shares, and quality over the number of sampling steps. About 90 minutes on one core. Each finished
row is stored at once; `--resume` keeps those of the same settings. For a quick look: `--training-steps 20 --samples
1000 --out elsewhere.json`.
"""

import argparse
import json
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import torch

from dlm_course.families.grid import GridData, ring, spiral
from dlm_course.families.measures import FAMILIES, build, draw, gap, quality, samples_per_second, train
from dlm_course.files import write_whole

SEEDS = (1, 2, 3)
LONGER = 2              # times the lecture's budget
NUM_SAMPLES = 50_000


def run(name: str, data: GridData, seed: int, num_steps: int, num_samples: int) -> dict:
    """Train one family and measure it; with its default number of sampling steps, and with each of the others."""
    begin = time.process_time()
    model = train(name, data, seed, num_steps=num_steps)
    seconds = time.process_time() - begin
    found, generator = gap(model, data, num_points=min(20_000, num_samples)), torch.Generator().manual_seed(seed)
    row = {"cpu_seconds": round(seconds, 1), "parameters": sum(weight.numel() for weight in model.parameters()),
           "gap": found and asdict(found), "calls": model.calls_per_sample(),
           **asdict(quality(draw(model, num_samples, generator=generator), data)), "over_steps": []}
    for steps in FAMILIES[name].sampling_steps:
        # The curve is of one seed, as the noise of total variation is far below its slope.
        if seed == SEEDS[0]:
            measured = quality(draw(model, num_samples, num_sampling_steps=steps, generator=generator), data)
            row["over_steps"].append({"sampling_steps": steps, "total_variation": measured.total_variation})
    return row


def relative_speeds(names: list[str]) -> dict[str, float]:
    """Samples a second of each family in units of the fastest; weights do not matter for it."""
    speeds = {name: samples_per_second(build(name, 32).eval()) for name in names}
    return {name: speed / max(speeds.values()) for name, speed in speeds.items()}


def settings(name: str, num_steps: int | None, num_samples: int) -> dict:
    """All that a row depends on, but for the data and the seed, as JSON gives it back."""
    budget = FAMILIES[name]
    return json.loads(json.dumps(asdict(budget) | {"num_steps": num_steps or LONGER * budget.num_steps,
                                                   "num_samples": num_samples}))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--resume", action="store_true", help="keep the rows that are there, if their settings agree")
    parser.add_argument("--training-steps", type=int, help="in place of each family's own: a quick look")
    parser.add_argument("--samples", type=int, default=NUM_SAMPLES)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES), metavar="FAMILY")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    names = [name for name in options.families if find_spec(FAMILIES[name].module)]
    rows = []
    if options.resume and options.out.exists():
        rows = json.loads(options.out.read_text(encoding="utf-8"))["rows"]
    table = {"command": "make study", "torch": torch.__version__.partition("+")[0],
             "machine": "one thread of an x86-64 CPU, no GPU", "relative_speed": relative_speeds(names), "rows": rows}
    for data in (ring(), spiral()):
        for name in names:
            for seed in options.seeds:
                what = {"family": name, "data": data.name, "seed": seed}
                what["settings"] = settings(name, options.training_steps, options.samples)
                if any(what.items() <= row.items() for row in rows):
                    continue
                row = what | run(name, data, seed, what["settings"]["num_steps"], options.samples)
                rows.append(row)
                write_whole(options.out, json.dumps(table, indent=1) + "\n")
                likelihood = f"{row['gap']['mean']:.3f} nats" if row["gap"] else "no likelihood"
                print(f"{name}, {data.name}, seed {seed}: gap {likelihood}, TV {row['total_variation']:.3f} "
                      f"(floor {row['floor']:.3f}), {row['cpu_seconds']:.0f} s", flush=True)
    write_whole(options.out, json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
