"""Text out of a model in one call: the template made of characters, the sampler's steps as strings again."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from dlm_course.arguments import as_int, check_int, check_seed
from dlm_course.files import write_whole
from dlm_course.model.denoiser import Denoiser, load_denoiser
from dlm_course.sampling.exact import lambda_schedule, levels
from dlm_course.sampling.heuristic import with_temperature
from dlm_course.text.corpora import CharTokenizer

SHIPPED = Path(__file__).parent / "shipped" / "python_reference.safetensors"
BLANK = "_"
MOST_TEXTS = 10_000    # at once, every step of each being kept
# What stands for a mask elsewhere: other boxes, the masks of other models.
MASKS_ELSEWHERE = "□◻◽▯☐⬜■█"
MASK_WORD = re.compile(r"[\[<{]\|?mask\|?[\]>}]", re.IGNORECASE)


@dataclass(frozen=True)
class Writing:
    """Samples as strings, and every step on the way: `steps[l][i]` is sample i after step l, masks shown as ▢."""

    texts: list[str]
    steps: list[list[str]]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write texts and steps to a JSON file."""
        write_whole(Path(path), json.dumps({"texts": self.texts, "steps": self.steps}, ensure_ascii=False, indent=1))


def write(template: str | None = None, *, checkpoint: str | os.PathLike[str] | None = None, num: int = 1,
          length: int | None = None, num_sampling_steps: int = 256, temperature: float = 1.0,
          device: torch.device | str = "cpu", seed: int | None = None) -> Writing:
    """Write `num` texts with the model of a checkpoint, by default the one that comes with the course.

    `template` is text in which each `_` (or `▢`) is a character to fill in; without one, `length` characters are
    written freely (by default as many as the model takes). The rest is as in `lambda_schedule`; the same seed gives the
    same texts.
    Raises: CheckpointError, or ValueError for a template that does not fit the model.
    """
    num, rates = check_int(num, "num", most=MOST_TEXTS), levels(num_sampling_steps)
    seed = None if seed is None else check_seed(seed)
    model, tokenizer, _ = load_denoiser(checkpoint or SHIPPED, device)
    x = _template(template, length, model, tokenizer).to(device).repeat(num, 1)
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    steps: list[list[str]] = []

    def keep(step: int, states: torch.Tensor) -> None:
        texts = tokenizer.decode(states)
        assert isinstance(texts, list)      # of a batch
        steps.append(texts)

    lambda_schedule(with_temperature(model, temperature), x, rates, model.config.mask_id,
                    generator=generator, callback=keep)
    return Writing(steps[-1], steps)


def _template(template: str | None, length: int | None, model: Denoiser, tokenizer: CharTokenizer) -> torch.Tensor:
    """The state to start from, (n,)."""
    longest = model.config.max_length
    if model.config.causal:
        raise ValueError("this checkpoint holds an autoregressive model; the sampler needs a denoiser, trained without "
                         "--causal")
    if template is None:
        number = longest if length is None else as_int(length)
        if number is None or not 1 <= number <= longest:
            raise ValueError(f"length must be an int in 1..{longest}, as many characters as this model takes, got "
                             f"{length!r}")
        template = tokenizer.mask_char * number
    elif length is not None:
        raise ValueError("give a template or a length, not both: the template has a length of its own")
    if not 1 <= len(template) <= longest:
        raise ValueError(f"the text has {len(template)} characters, but this model takes 1 to {longest}")
    if BLANK not in tokenizer.alphabet:  # a text that has underscores of its own marks blanks with ▢ only
        template = template.replace(BLANK, tokenizer.mask_char)
    for place, character in enumerate(template):
        if character not in tokenizer.alphabet + tokenizer.mask_char:
            raise ValueError(f"this model does not know {character!r} at position {place}: its text has only "
                             f"{tokenizer.alphabet!r}{_advice(template, place, tokenizer)}")
    if tokenizer.mask_char not in template:
        raise ValueError(f"the template has no blank to fill: write {_blank(tokenizer)} for each")
    return tokenizer.encode(template)


def _blank(tokenizer: CharTokenizer) -> str:
    """How a blank is written in a template for this model."""
    mask = tokenizer.mask_char
    return f"{mask} ({BLANK} is in its text)" if BLANK in tokenizer.alphabet else f"{BLANK} (or {mask})"


def _advice(template: str, place: int, tokenizer: CharTokenizer) -> str:
    """What to do about the unknown character at this place, where that can be told."""
    character = template[place]
    if character in MASKS_ELSEWHERE or any(word.start() <= place < word.end() for word in MASK_WORD.finditer(template)):
        return f"; a blank is written {_blank(tokenizer)} here"
    for other, case in ((character.lower(), "lower"), (character.upper(), "upper")):
        if other in tokenizer.alphabet:
            return f"; it knows {other!r}: write the template in {case} case"
    return ""
