"""dlm_course: the companion package of the course on discrete diffusion language models.

The public names below load on first use, so that importing the package (or asking its command line for help) does not
wait for torch.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "one_hot": "categorical",
    "sample": "categorical",
    "entropy": "categorical",
    "cross_entropy": "categorical",
    "kl": "categorical",
    "Schedule": "schedule",
    "UniformTransition": "transition",
    "AbsorbingTransition": "transition",
    "MatrixTransition": "transition",
    "carry_over": "transition",
    "plug_in_reverse": "transition",
    "reverse_model": "elbo",
    "step_kl": "elbo",
    "prior_kl": "elbo",
    "sampled_bound": "elbo",
    "exact_bound": "elbo",
    "DiscreteBound": "elbo",
    "per_token": "elbo",
    "bits_per_character": "elbo",
    "time_free": "elbo",
    "masked_cross_entropy": "elbo",
    "rho_weighted_loss": "elbo",
    "exact_rho_weighted_loss": "elbo",
    "masked_lm_loss": "elbo",
    "exact_masked_lm_loss": "elbo",
    "draw_uniform": "mask_rate",
    "continuous_loss": "mask_rate",
    "mask_count_loss": "mask_rate",
    "exact_continuous_loss": "mask_rate",
    "paid_by_count": "mask_rate",
    "levels": "sampler",
    "left_to_right": "sampler",
    "spaced_order": "sampler",
    "random_order": "sampler",
    "lambda_schedule": "sampler",
    "first_hitting": "sampler",
    "reveal_in_order": "sampler",
    "ancestral": "sampler",
    "with_temperature": "decoding",
    "surest_first": "decoding",
    "maskgit": "decoding",
    "remasking": "decoding",
    "TableLanguage": "toy_language",
    "words_of_ads": "toy_language",
    "HiddenMarkovLanguage": "toy_language",
    "MarkovLanguage": "toy_language",
    "load_text": "data",
    "load_digits": "data",
    "CharTokenizer": "data",
    "DataError": "data",
    "split": "data",
    "sequences": "data",
    "random_sequences": "data",
    "NGram": "ngram",
    "CheckpointError": "checkpoint",
    "Denoiser": "denoiser",
    "DenoiserConfig": "denoiser",
    "autoregressive_nll": "denoiser",
    "load_denoiser": "denoiser",
    "save_denoiser": "denoiser",
    "PretrainedDenoiser": "pretrained",
    "load_pretrained": "pretrained",
    "lambda_schedule_law": "laws",
    "one_at_a_time_law": "laws",
    "order_law": "laws",
    "random_order_law": "laws",
    "surest_first_law": "laws",
    "maskgit_law": "laws",
    "ancestral_law": "laws",
    "total_variation": "laws",
    "sampling_floor": "laws",
    "estimate": "evaluation",
    "excess_over_bayes": "evaluation",
    "held_out_bits": "evaluation",
    "path_kl": "evaluation",
    "order_kl": "evaluation",
    "TrainingConfig": "training",
    "fit": "training",
    "train": "training",
    "train_from": "training",
    "write": "writing",
}

__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
