"""Pretrained masked language models behind the course's call, `denoiser(xt, time)`: a BERT as a denoiser.

The special tokens that such a model expects around a text ([CLS] ... [SEP]) are added before the network is called and
cut off after it, so that samplers and losses see the text alone.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from dlm_course.chain.categorical import check_states

BLANK = "▢"


@dataclass(frozen=True)
class PretrainedConfig:
    """What `held_out_bits` and `fit` ask of a model's configuration."""

    mask_id: int
    causal: bool = False


class SpecialToken(Protocol):
    """A token that the tokenizer's vocabulary was given beside those it learned."""

    @property
    def special(self) -> bool: ...


class Tokenizer(Protocol):
    """What is used of a tokenizer of transformers, a PreTrainedTokenizerBase."""

    @property
    def mask_token(self) -> str | None: ...

    @property
    def mask_token_id(self) -> int: ...

    @property
    def model_max_length(self) -> int: ...

    @property
    def all_special_ids(self) -> list[int]: ...

    @property
    def added_tokens_decoder(self) -> Mapping[int, SpecialToken]: ...

    def get_vocab(self) -> dict[str, int]: ...

    def convert_ids_to_tokens(self, id: int, /) -> str | list[str]: ...

    def decode(self, ids: list[int], /) -> str | list[str]: ...

    def __call__(self, text: str, /, *, add_special_tokens: bool, verbose: bool) -> Mapping[str, Any]: ...


class PretrainedDenoiser(nn.Module):
    """p(x_0 | X_t) of a masked language model: logits (batch, n, K), float32, for states (batch, n) on its device.

    States are the ids of the model's own tokenizer; `mask_id` is one of them, and K, `num_states`, is the `vocab_size`
    of the model's configuration. Only tokens of text get mass: the logits of special tokens, of the mask, and of
    entries that no token has are -inf. The sequences of a batch have one length, at most `max_length` tokens; nothing
    is padded. The model is put into evaluation mode.

    The bound (`mask_count_loss`, `held_out_bits`) holds for any denoiser that gives the mask no mass: here for -log p
    of a text's n tokens, so that bits are bits a token. For a BERT it is loose. It was trained to predict 15 % of the
    tokens, while the bound averages over all mask rates; and of these 15 % only 80 % were masked, 10 % were replaced by
    random tokens and 10 % left alone, so that it has learned to doubt what is visible. `training.fit` trains it on the
    bound itself; what `load_pretrained` gives needs `requires_grad_()` first.

    The time is ignored, as suits BERT and its kin. For a model whose forward wants one, `time_arguments` makes keyword
    arguments of the denoiser's time, (batch,): `lambda time: {"timesteps": torch.zeros_like(time)}` is meant for MDLM
    checkpoints trained without time conditioning, which need a value and ignore it. What another model means by time is
    for the caller to know.

    Raises: ValueError for a tokenizer without a mask or of another model, for a model without logits (batch, n, K), or
    a causal one.
    """

    is_text: Tensor
    before: Tensor
    after: Tensor

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, *,
                 time_arguments: Callable[[Tensor], dict[str, Any]] | None = None):
        super().__init__()
        mask = tokenizer.mask_token
        if mask is None:
            raise ValueError("the tokenizer has no mask token, which a denoiser needs; causal models have none. If the "
                             "model was trained with one, name it: tokenizer.add_special_tokens({'mask_token': ...})")
        config: Any = model.config      # of any library's own class
        self.num_states: int = config.vocab_size
        self.mask_id: int = tokenizer.mask_token_id
        tokens = set(tokenizer.get_vocab().values())
        if max(tokens) >= self.num_states:
            raise ValueError(f"the tokenizer has the token {max(tokens)}, but the model's vocab_size is "
                             f"{self.num_states}: do they belong together?")
        self.model, self.tokenizer, self.time_arguments, self._mask = model, tokenizer, time_arguments, mask
        self.config = PretrainedConfig(self.mask_id)

        tokens -= {*tokenizer.all_special_ids, *(id for id, t in tokenizer.added_tokens_decoder.items() if t.special)}
        is_text = torch.zeros(self.num_states, dtype=torch.bool)
        is_text[list(tokens)] = True
        # What the tokenizer puts around a text is what it puts around a single mask.
        bare, whole = (self._ids(mask, special) for special in (False, True))
        start = next(i for i in range(len(whole)) if whole[i:i + len(bare)] == bare)
        before, after = torch.tensor(whole[:start]), torch.tensor(whole[start + len(bare):])
        for name, buffer in (("is_text", is_text), ("before", before.long()), ("after", after.long())):
            self.register_buffer(name, buffer.to(self.device), persistent=False)
        self.max_length = _longest_input(model, tokenizer) - len(before) - len(after)
        self.eval()
        self._check_model()

    @property
    def device(self) -> torch.device:
        """Where the model is, and its states have to be."""
        return next(self.model.parameters()).device

    def forward(self, xt: Tensor, time: Tensor | None = None) -> Tensor:
        """Logits (batch, n, K), float32.

        Raises: ValueError for a sequence longer than max_length, or a state that is neither text nor the mask.
        """
        check_states(xt, self.num_states, "xt")
        xt, length = xt.long(), xt.shape[-1]
        if length > self.max_length:
            raise ValueError(f"the sequence has {length} tokens, but this model takes at most {self.max_length} beside "
                             "its special tokens")
        strange = xt[~self.is_text[xt] & (xt != self.mask_id)]
        if len(strange):
            raise ValueError(f"xt holds {self._name(int(strange[0]))}, which is no text: the special tokens are added "
                             "inside, and nothing is padded; `encode` gives the states of a text")
        ids = torch.cat([self.before.expand(len(xt), -1), xt, self.after.expand(len(xt), -1)], -1)
        arguments: dict[str, Any] = {}
        if self.time_arguments is not None:
            if time is None:
                raise ValueError("this model reads the time (time_arguments): call it as denoiser(xt, time)")
            arguments = self.time_arguments(time)
        output = self.model(ids, **arguments)
        logits = getattr(output, "logits", None)
        if logits is None or logits.shape != (*ids.shape, self.num_states):
            given = "no logits" if logits is None else f"logits {tuple(logits.shape)}"
            raise ValueError(f"the model must return logits {(*ids.shape, self.num_states)} for {tuple(ids.shape)} "
                             f"tokens, got {given}; was it loaded with AutoModelForMaskedLM?")
        logits = logits[:, len(self.before):len(self.before) + length].float()
        return logits.masked_fill(~self.is_text, -torch.inf)

    def encode(self, text: str) -> Tensor:
        """The states of a text without special tokens, int64 (n,), on the model's device. Each ▢ becomes one mask.

        Raises: ValueError where the text holds special tokens, or characters for which there is no token.
        """
        ids = self._ids(text.replace(BLANK, self._mask), False)
        for place, id in enumerate(ids):
            if id != self.mask_id and not self.is_text[id]:
                raise ValueError(f"the text becomes {self._name(id)} at token {place}, after "
                                 f"{self.tokenizer.decode(ids[:place])[-40:]!r}: special tokens and characters unknown "
                                 "to the tokenizer have no probability; leave them out")
        return torch.tensor(ids, dtype=torch.int64, device=self.device)

    def decode(self, tokens: Tensor) -> str | list[str]:
        """The text of states (n,), or the list of texts of a batch (batch, n); a mask is written as ▢."""
        if tokens.ndim == 2:
            return [self._text(row) for row in tokens]
        return self._text(tokens)

    def _text(self, row: Tensor) -> str:
        text = self.tokenizer.decode(row.tolist())
        assert isinstance(text, str)    # of a single row
        return text.replace(self._mask, BLANK)

    def _ids(self, text: str, special: bool) -> list[int]:
        return self.tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"]

    def _name(self, id: int) -> str:
        return f"{self.tokenizer.convert_ids_to_tokens(id)!r} (id {id})"

    @torch.no_grad()
    def _check_model(self) -> None:
        """Ask about two texts that differ in their last token: what is said of the first must differ too."""
        words = self.is_text.nonzero().squeeze(-1)[[0, -1]]
        texts = torch.stack([torch.full_like(words, self.mask_id), words], -1)
        time = torch.ones(1, device=self.device)
        first, second = (self(text[None], time) for text in texts)
        if torch.equal(first[0, 0], second[0, 0]):
            raise ValueError("this model reads to the left only (is it causal?), but a denoiser reads all that is "
                             "visible")


def _longest_input(model: nn.Module, tokenizer: Tokenizer) -> int:
    """How many tokens the network takes, special ones included."""
    limits: list[int] = [tokenizer.model_max_length]
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions:
        limits.append(positions)
    # RoBERTa and its kin count positions from padding_idx + 1, so that the first rows of their table go unused.
    limits += [table.num_embeddings - table.padding_idx - 1 for name, table in model.named_modules()
               if name.endswith("position_embeddings") and getattr(table, "padding_idx", None) is not None]
    return min(limits)


def load_pretrained(source: str | os.PathLike[str], device: torch.device | str = "cpu") -> PretrainedDenoiser:
    """The masked language model and the tokenizer of a folder or of a name on the Hugging Face hub, as a denoiser.

    It needs an extra, `pip install -e '.[pretrained]'` in the course's folder; a name is downloaded once into the hub's
    cache. In evaluation mode, on `device`, in the stored dtype. No code of a checkpoint is run: for one that brings its
    own, as MDLM checkpoints do, load model and tokenizer yourself, if you trust it, and hand them to
    `PretrainedDenoiser`.
    Raises: ImportError without transformers, ValueError for another kind of model, OSError for a source not found.
    """
    try:
        from transformers import AutoModelForMaskedLM, AutoTokenizer
    except ImportError as error:
        raise ImportError("load_pretrained needs transformers, which is an optional extra: "
                          "pip install -e '.[pretrained]' in the course's folder") from error
    try:
        model = AutoModelForMaskedLM.from_pretrained(source, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except ValueError as error:
        raise ValueError(f"{source} holds no masked language model that transformers brings the code for "
                         f"({' '.join(str(error).split())[:200]})") from error
    return PretrainedDenoiser(model.to(device), tokenizer).requires_grad_(False)
