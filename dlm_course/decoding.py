"""Changes to a denoiser that help samples look good, and cost exactness: the law of the samples is another one."""

from dlm_course.elbo import DenoiserFunction


def with_temperature(denoiser: DenoiserFunction, temperature: float) -> DenoiserFunction:
    """The denoiser with its logits divided by the temperature: p^(1/temperature), renormalised, token by token.

    Below 1 likely tokens gain, above 1 unlikely ones; the samples no longer follow the model. Raises ValueError unless
    temperature > 0.
    """
    if not 1e-6 < temperature < float("inf"):
        raise ValueError(f"temperature must be positive, got {temperature}; near 0 the likeliest token always wins")
    return lambda xt, time: denoiser(xt, time) / temperature
