"""The longer runs behind lecture 07: `make study` repeats them and writes mdlm_training.json beside this file.

A Markov language over 16 symbols, n = 32, whose entropy is known; the same small network throughout, three seeds; the
masked model with three losses, a longer run, and the autoregressive twin. About 12 minutes on one core.
"""

import json
import time
from pathlib import Path

import torch

from dlm_course import Denoiser, DenoiserConfig, MarkovLanguage, TrainingConfig, excess_over_bayes, fit
from dlm_course.files import write_whole

SEEDS = (1, 2, 3)
RUNS = {
    "masked, 800 steps": {"num_steps": 800},
    "masked, 2500 steps": {"num_steps": 2500},
    "masked, 800 steps, iid mask rates": {"num_steps": 800, "loss": "mask-rate"},
    "masked, 800 steps, unweighted": {"num_steps": 800, "loss": "unweighted"},
    "autoregressive, 800 steps": {"num_steps": 800, "causal": True},
}


def language() -> MarkovLanguage:
    """The language of lecture 07."""
    weights = torch.rand(16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) ** 4 + 1e-3
    return MarkovLanguage(weights / weights.sum(0), length=32)


def run(words: MarkovLanguage, seed: int, num_steps: int, loss: str = "mask-count", causal: bool = False) -> dict:
    """Train one model; its excess over the entropy in percent, and how long it took."""
    torch.manual_seed(seed)
    model = Denoiser(DenoiserConfig(17, 16, max_length=32, width=64, depth=1, causal=causal))
    config = TrainingConfig(num_steps=num_steps, learning_rate=6e-3, warmup=50, weight_decay=0.01, average=0.99,
                            seed=seed, loss=loss)
    begin = time.process_time()
    fit(model, lambda generator: words.sample(64, generator=generator), config, progress=False)
    seconds = time.process_time() - begin
    excess, per_token = excess_over_bayes(model, words, num_sequences=4096), float(words.entropy()) / 32
    return {"seed": seed, "cpu_seconds": round(seconds, 1), "percent": 100 * excess.mean / per_token,
            "standard_error": 100 * excess.standard_error / per_token}


def main() -> None:
    torch.set_num_threads(1)
    words, table = language(), {}
    for name, settings in RUNS.items():
        table[name] = [run(words, seed, **settings) for seed in SEEDS]
        shown = [f"{row['percent']:.2f} % in {row['cpu_seconds']:.0f} s" for row in table[name]]
        print(name, *shown, sep="   ", flush=True)
    text = json.dumps({"command": "make study", "torch": torch.__version__.partition("+")[0],
                       "machine": "one thread of an x86-64 CPU, no GPU", "runs": table}, indent=1)
    write_whole(Path(__file__).with_suffix(".json"), text + "\n")


if __name__ == "__main__":
    main()
