"""The public names, for editors and type checkers; `__init__.py` reads these lines to load each on first use."""

from .chain.categorical import (
    one_hot as one_hot,
    sample as sample,
    entropy as entropy,
    cross_entropy as cross_entropy,
    kl as kl,
)
from .chain.schedule import Schedule as Schedule
from .chain.transition import (
    UniformTransition as UniformTransition,
    AbsorbingTransition as AbsorbingTransition,
    MatrixTransition as MatrixTransition,
    carry_over as carry_over,
    plug_in_reverse as plug_in_reverse,
)
from .bound.discrete import (
    reverse_model as reverse_model,
    step_kl as step_kl,
    prior_kl as prior_kl,
    sampled_bound as sampled_bound,
    exact_bound as exact_bound,
    DiscreteBound as DiscreteBound,
    per_token as per_token,
    bits_per_character as bits_per_character,
    time_free as time_free,
    masked_cross_entropy as masked_cross_entropy,
    rho_weighted_loss as rho_weighted_loss,
    exact_rho_weighted_loss as exact_rho_weighted_loss,
    masked_lm_loss as masked_lm_loss,
    exact_masked_lm_loss as exact_masked_lm_loss,
)
from .bound.continuous import (
    draw_uniform as draw_uniform,
    continuous_loss as continuous_loss,
    mask_count_loss as mask_count_loss,
    exact_continuous_loss as exact_continuous_loss,
    paid_by_count as paid_by_count,
)
from .sampling.exact import (
    levels as levels,
    left_to_right as left_to_right,
    spaced_order as spaced_order,
    random_order as random_order,
    lambda_schedule as lambda_schedule,
    first_hitting as first_hitting,
    reveal_in_order as reveal_in_order,
    ancestral as ancestral,
)
from .sampling.heuristic import (
    with_temperature as with_temperature,
    surest_first as surest_first,
    maskgit as maskgit,
    remasking as remasking,
)
from .sampling.laws import (
    lambda_schedule_law as lambda_schedule_law,
    one_at_a_time_law as one_at_a_time_law,
    order_law as order_law,
    random_order_law as random_order_law,
    surest_first_law as surest_first_law,
    maskgit_law as maskgit_law,
    ancestral_law as ancestral_law,
    total_variation as total_variation,
    sampling_floor as sampling_floor,
)
from .text.corpora import (
    load_text as load_text,
    load_digits as load_digits,
    CharTokenizer as CharTokenizer,
    DataError as DataError,
    split as split,
    sequences as sequences,
    random_sequences as random_sequences,
)
from .text.languages import (
    TableLanguage as TableLanguage,
    words_of_ads as words_of_ads,
    HiddenMarkovLanguage as HiddenMarkovLanguage,
    MarkovLanguage as MarkovLanguage,
)
from .text.ngram import NGram as NGram
from .model.checkpoint import CheckpointError as CheckpointError
from .model.denoiser import (
    Denoiser as Denoiser,
    DenoiserConfig as DenoiserConfig,
    autoregressive_nll as autoregressive_nll,
    load_denoiser as load_denoiser,
    save_denoiser as save_denoiser,
)
from .model.pretrained import (
    PretrainedDenoiser as PretrainedDenoiser,
    load_pretrained as load_pretrained,
)
from .model.comparison import (
    Comparison as Comparison,
    compare as compare,
    load_comparison as load_comparison,
    save_comparison as save_comparison,
)
from .model.evaluation import (
    Estimate as Estimate,
    estimate as estimate,
    excess_over_bayes as excess_over_bayes,
    held_out_bits as held_out_bits,
    path_kl as path_kl,
    order_kl as order_kl,
)
from .model.training import (
    TrainingConfig as TrainingConfig,
    fit as fit,
    train as train,
    train_from as train_from,
)
from .model.writing import (
    SHIPPED as SHIPPED,
    write as write,
)
from .show import plotting as plotting
from .show.explorers import explore_chain as explore_chain
from .course.student.check import check as check, passed as passed

__version__: str
