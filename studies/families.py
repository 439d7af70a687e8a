"""The longer runs behind lecture 09: `make study` repeats them and writes families.json beside this file.

Every family with twice the lecture's budget, on the ring for three seeds and on the spiral for one: the likelihood's
gap, total variation with its floor, strays, the modes' shares, and quality over the number of sampling steps. Then,
with larger networks, on the 8 x 8 digits: held-out bits a pixel and some pictures. About 35 minutes on one core. Each
finished row is stored at once; `--resume` keeps those of the same settings. For a quick look: `--training-steps 20
--samples 1000 --out elsewhere.json`.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from dlm_course.families.family import Family
from dlm_course.families.grid import GridData, ring, spiral
from dlm_course.families.measures import FAMILIES, build, draw, gap, quality, train
from dlm_course.files import write_whole
from dlm_course.model.evaluation import estimate
from dlm_course.text.corpora import load_digits

SEEDS = (1, 2, 3)
LONGER = 2              # times the lecture's budget
NUM_SAMPLES = 50_000
HELD_OUT = 297          # of the 1797 digits

# The ring only: what a family is without a part of it.
VARIANTS = {"GAN without penalties": ("GAN", {"penalty": 0.0})}

# For the digits: steps of training, options of `fit`, arguments of the class. Few steps, lest they learn the digits by
# heart; how few was seen on the held-out part, so that its bits flatter a little.
DIGITS = {
    "autoregressive": (700, {"batch_size": 64}, {"depth": 2}),
    "coupling flow": (1000, {"batch_size": 64, "learning_rate": 1e-3}, {"num_couplings": 6, "num_components": 8}),
    "VAE": (800, {"batch_size": 128}, {"width": 96}),
    "GAN": (1200, {"batch_size": 64, "learning_rate": 5e-4}, {"width": 192, "penalty": 1.0}),
    "DDPM": (2500, {"batch_size": 128}, {"width": 256}),
    "flow matching": (3000, {"batch_size": 128}, {"width": 256}),
    "absorbing diffusion": (700, {"batch_size": 64}, {"depth": 2}),
    "uniform diffusion": (500, {"batch_size": 64}, {"width": 64, "depth": 2}),
}


def run(label: str, data: GridData, seed: int, num_steps: int, num_samples: int) -> dict:
    """Train a family or a variant and measure it; with its default number of sampling steps, and each of the others."""
    name, arguments = VARIANTS.get(label, (label, {}))
    begin = time.process_time()
    model = train(name, data, seed, num_steps=num_steps, **arguments)
    row = described(model, time.process_time() - begin)
    found, generator = gap(model, data, num_points=min(20_000, num_samples)), torch.Generator().manual_seed(seed)
    row |= {"gap": found and asdict(found), "calls": model.calls_per_sample(),
            **asdict(quality(draw(model, num_samples, generator=generator), data)), "over_steps": []}
    for steps in FAMILIES[name].sampling_steps:
        # The curve is of one seed, as the noise of total variation is far below its slope.
        if seed == SEEDS[0]:
            measured = quality(draw(model, num_samples, num_sampling_steps=steps, generator=generator), data)
            row["over_steps"].append({"sampling_steps": steps, "calls": model.calls_per_sample(steps),
                                      "total_variation": measured.total_variation})
    return row


def run_digits(name: str, seed: int, num_steps: int | None) -> dict:
    """Train one family on pictures: held-out bits a pixel with the standard error, and twelve samples."""
    steps, options, arguments = DIGITS[name]
    images = load_digits()[0].flatten(1).long()
    generator = torch.Generator().manual_seed(seed)
    shuffled = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]
    begin = time.process_time()
    model = build(name, 17, images.shape[1], seed=seed, **arguments)
    model.fit(shuffled[HELD_OUT:], num_steps or steps, generator, progress=False, **options)
    row = described(model, time.process_time() - begin) | {"kind": model.likelihood, "bits_per_pixel": None}
    if model.likelihood != "none":
        with torch.no_grad():
            nll = model.nll(shuffled[:HELD_OUT], generator=generator)
        found = estimate(nll.double() / images.shape[1] / math.log(2))
        row["bits_per_pixel"] = {"mean": found.mean, "standard_error": found.standard_error}
    return row | {"samples": draw(model, 12, generator=generator).tolist()}


def described(model: Family, seconds: float) -> dict:
    """What training took and how large the model is."""
    return {"cpu_seconds": round(seconds, 1), "parameters": sum(weight.numel() for weight in model.parameters())}


def settings(label: str, num_steps: int | None, num_samples: int) -> dict:
    """All that a row depends on, but for the data and the seed, as JSON gives it back."""
    name, arguments = VARIANTS.get(label, (label, {}))
    budget = FAMILIES[name]
    return json.loads(json.dumps(asdict(budget) | {
        "num_steps": num_steps or LONGER * budget.num_steps, "num_samples": num_samples,
        "arguments": budget.arguments | arguments}))


def write(rows: list[dict], path: Path) -> None:
    """The table, a line a row: a row has hundreds of numbers, and a new one should be one line of a difference."""
    head = {"command": "make study", "torch": torch.__version__.partition("+")[0],
            "machine": "one thread of an x86-64 CPU, no GPU"}
    lines = ",\n".join(json.dumps(row) for row in rows)
    write_whole(path, f'{json.dumps(head)[:-1]}, "rows": [\n{lines}\n]}}\n')


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--resume", action="store_true", help="keep the rows that are there, if their settings agree")
    parser.add_argument("--training-steps", type=int, help="in place of each family's own: a quick look")
    parser.add_argument("--samples", type=int, default=NUM_SAMPLES)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--families", nargs="+", choices=[*FAMILIES, *VARIANTS],
                        default=[*FAMILIES, *VARIANTS], metavar="FAMILY")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    if options.resume and options.out.exists():
        rows = json.loads(options.out.read_text(encoding="utf-8"))["rows"]

    def keep(what: dict, measure: Callable[[], dict]) -> None:
        if any(what.items() <= row.items() for row in rows):
            return
        rows.append(what | measure())
        write(rows, options.out)
        print({key: value for key, value in rows[-1].items() if key not in ("settings", "over_steps", "samples")},
              flush=True)

    for label in options.families:
        for data, seeds in ((ring(), options.seeds), (spiral(), options.seeds[:1] if label in FAMILIES else ())):
            for seed in seeds:
                what = {"family": label, "data": data.name, "seed": seed,
                        "settings": settings(label, options.training_steps, options.samples)}
                keep(what, lambda what=what, data=data: run(
                    what["family"], data, what["seed"], what["settings"]["num_steps"], options.samples))
        if label in DIGITS:
            what = {"family": label, "data": "digits", "seed": options.seeds[0],
                    "settings": [*json.loads(json.dumps(DIGITS[label])), options.training_steps]}
            keep(what, lambda what=what: run_digits(what["family"], what["seed"], options.training_steps))


if __name__ == "__main__":
    main()
