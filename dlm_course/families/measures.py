"""The yardsticks of lecture 09, the same for every family, and the budget that each family is trained with.

`FAMILIES` names all of them; a family's module is imported when it is built.
"""

from dataclasses import dataclass, field
from importlib import import_module
from typing import TypedDict, Unpack

import torch
from torch import Tensor

from dlm_course.families.family import Family
from dlm_course.families.grid import GridData, frequencies, mode_shares, stray_share
from dlm_course.model.evaluation import Estimate, estimate
from dlm_course.sampling.laws import sampling_floor, total_variation

NUM_POINTS = 50_000     # that a family is trained on, and that are drawn from it
EVALUATION = 2**31      # seeds from here on are for evaluation, those below for training; torch reads 32 bits of them


class FitOptions(TypedDict, total=False):
    """What `Family.fit` may be told besides the data, the number of steps and the generator."""

    batch_size: int
    learning_rate: float
    average: float


class FamilyArguments(TypedDict, total=False):
    """What the classes of families take besides `vocab_size` and `length`; each takes some of them."""

    width: int
    depth: int
    num_couplings: int
    num_components: int
    latent_size: int | None
    noise_size: int | None
    penalty: float
    first_noise: float
    num_solver_steps: int


class BuildArguments(FamilyArguments, total=False):
    """The number of a chain's steps too; that of `train` is the number of training steps."""

    num_steps: int


@dataclass(frozen=True)
class Budget:
    """Where a family is defined, and what it is given: about 15 CPU-seconds of training on one thread.

    path            module and class within `dlm_course.families`
    num_steps       of training
    options         of `Family.fit`
    arguments       of the class
    sampling_steps  the numbers of sampling steps to compare; empty for a family that does not sample in steps
    """

    path: str
    num_steps: int
    options: FitOptions = field(default_factory=FitOptions)
    arguments: BuildArguments = field(default_factory=BuildArguments)
    sampling_steps: tuple[int, ...] = ()

    @property
    def module(self) -> str:
        """The full name of the module."""
        return f"dlm_course.families.{self.path.partition('.')[0]}"


FAMILIES = {
    "autoregressive": Budget("autoregressive.Autoregressive", 800, {"learning_rate": 5e-3}),
    "coupling flow": Budget("coupling_flow.CouplingFlow", 1000),
    "VAE": Budget("vae.VAE", 1600, {"learning_rate": 8e-3}),
    "GAN": Budget("gan.GAN", 900),
    "DDPM": Budget("ddpm.DDPM", 1500, {"learning_rate": 5e-3, "batch_size": 512}, {"num_steps": 100}, (5, 10, 20, 50)),
    "flow matching": Budget("flow_matching.FlowMatching", 1700, {"learning_rate": 4e-3, "batch_size": 512},
                            sampling_steps=(1, 2, 5, 10)),
    "absorbing diffusion": Budget("discrete_diffusion.AbsorbingDiffusion", 700, {"learning_rate": 5e-3},
                                  sampling_steps=(1, 2, 4, 8, 16, 32)),
    "uniform diffusion": Budget("discrete_diffusion.UniformDiffusion", 600, {"learning_rate": 8e-3},
                                sampling_steps=(1, 2, 4, 8)),
}


def build(name: str, vocab_size: int, length: int = 2, *, seed: int = 0,
          **arguments: Unpack[BuildArguments]) -> Family:
    """A family with fresh weights, which follow from the seed; `arguments` of its class go before those of its budget.

    Raises: KeyError for a name that FAMILIES does not hold.
    """
    if name not in FAMILIES:
        raise KeyError(f"no family is called {name!r}; there are {', '.join(FAMILIES)}")
    budget = FAMILIES[name]
    family = getattr(import_module(budget.module), budget.path.partition(".")[2])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return family(vocab_size, length, **budget.arguments | arguments)


def train(name: str, data: GridData, seed: int, *, num_steps: int | None = None, num_points: int = NUM_POINTS,
          progress: bool = False, **arguments: Unpack[FamilyArguments]) -> Family:
    """Build a family and train it on points drawn from the data, for its budget of steps unless told otherwise.

    Raises: ValueError for a seed outside 0..2^31 - 1.
    """
    if not 0 <= seed < EVALUATION:
        raise ValueError(f"seeds of training are in 0..2^31 - 1, got {seed}: those above draw the points of evaluation")
    generator = torch.Generator().manual_seed(seed)
    model, budget = build(name, data.vocab_size, seed=seed, **arguments), FAMILIES[name]
    model.fit(data.sample(num_points, generator=generator), num_steps or budget.num_steps, generator,
              progress=progress, **budget.options)
    return model


@dataclass(frozen=True)
class Gap(Estimate):
    """How far E[nll] is above the entropy, in nats; `kind` says what nll is, as `Family.likelihood`.

    For an exact likelihood it estimates KL(data ‖ model); for a bound, that and the bound's own slack.
    """

    kind: str

    def __str__(self) -> str:
        return f"{super().__str__()} ({self.kind})"


@torch.no_grad()
def gap(model: Family, data: GridData, *, num_points: int = 20_000, batch_size: int = 10_000,
        seed: int = 1) -> Gap | None:
    """E[nll(x) + log p(x)] over x ~ p, the data's own distribution; None for a family without a likelihood.

    The points are new ones whatever the seed of `train`: the model may know those of its training by heart. The
    difference is taken point by point: most of what varies from point to point cancels.
    Raises: ValueError for fewer than two points.
    """
    if model.likelihood == "none":
        return None
    x = data.sample(num_points, generator=torch.Generator().manual_seed(EVALUATION + seed))
    generator = torch.Generator(model.device()).manual_seed(EVALUATION + seed)
    nll = torch.cat([model.nll(part.to(model.device()), generator=generator).detach().double().cpu()
                     for part in x.split(batch_size)])
    found = estimate(nll + data.log_prob(x))
    return Gap(found.mean, found.standard_error, model.likelihood)


@dataclass(frozen=True)
class Quality:
    """What samples show of their distribution.

    total_variation  of their frequencies to the truth
    floor            what as many samples of the truth show on average: no sampler is below it but by chance
    stray            the share of them outside the bins that hold 99 % of the data
    modes            the share of each mode in units of what is due, or nothing for data without separate modes
    """

    total_variation: float
    floor: float
    stray: float
    modes: tuple[float, ...]


def quality(x: Tensor, data: GridData) -> Quality:
    """The quality of samples x (N, 2) of bins."""
    return Quality(float(total_variation(frequencies(x, data.vocab_size), data.probs)),
                   float(sampling_floor(data.probs, len(x))), stray_share(x, data),
                   tuple(mode_shares(x, data).tolist()) if len(data.centres) else ())


def draw(model: Family, num: int = NUM_POINTS, *, num_sampling_steps: int | None = None, batch_size: int = 2000,
         generator: torch.Generator | None = None) -> Tensor:
    """Samples (num, n), drawn in batches that a processor's cache holds, and brought to the CPU."""
    sizes = [min(batch_size, num - start) for start in range(0, num, batch_size)]
    return torch.cat([model.sample(size, generator=generator, num_sampling_steps=num_sampling_steps).cpu()
                      for size in sizes])
