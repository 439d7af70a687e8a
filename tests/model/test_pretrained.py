"""A pretrained masked language model as a denoiser: tiny ones made on the spot, and called by hand for comparison."""

import json
import math
import os
import subprocess
import sys
from itertools import product

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported, which the functions below do

import pytest
import torch
from small_cases import assert_close, assert_mean, seeded
from small_laws import as_dict, assert_samples
from torch import nn

from dlm_course.bound.continuous import exact_continuous_loss, mask_count_loss
from dlm_course.bound.discrete import exact_rho_weighted_loss
from dlm_course.chain.schedule import Schedule
from dlm_course.chain.transition import AbsorbingTransition
from dlm_course.model.evaluation import held_out_bits
from dlm_course.model.pretrained import PretrainedDenoiser, load_pretrained
from dlm_course.model.training import TrainingConfig, fit
from dlm_course.sampling.exact import first_hitting, lambda_schedule, levels
from dlm_course.sampling.heuristic import maskgit, surest_first
from dlm_course.sampling.laws import lambda_schedule_law, one_at_a_time_law

WORDPIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "[MASK]", "c", "##b"]
CHARACTERS = ["<s>", "<pad>", "</s>", "<unk>", "a", "b", "<mask>", "c", "Ġ"]  # Ġ is the space of byte-level tokenizers
SYMBOLS, MASK = [4, 5, 7, 8], 6
NUM_STATES = 12     # three more than there are tokens
NO_SYMBOLS = [id for id in range(NUM_STATES) if id not in SYMBOLS]
AROUND = {"bert": (2, 3), "distilbert": (2, 3), "modernbert": (2, 3), "roberta": (0, 2)}
LONGEST = {"bert": 8, "distilbert": 8, "modernbert": 8, "roberta": 6}   # of 10; RoBERTa counts from 2

every_kind = pytest.mark.parametrize("kind", AROUND)


def tokenizer(kind="bert", **options):
    from transformers import BertTokenizer, RobertaTokenizer

    if kind == "roberta":
        return RobertaTokenizer(vocab={token: id for id, token in enumerate(CHARACTERS)}, merges=[], **options)
    return BertTokenizer(vocab={token: id for id, token in enumerate(WORDPIECES)}, **options)


def network(kind="bert", **options):
    """Of random weights, large enough to matter, with a wish for everything that is no text."""
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        DistilBertConfig,
        DistilBertForMaskedLM,
        ModernBertConfig,
        ModernBertForMaskedLM,
        RobertaConfig,
        RobertaForMaskedLM,
    )

    shape = {"vocab_size": NUM_STATES, "max_position_embeddings": 10, "initializer_range": 0.7}
    wide = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    torch.manual_seed(0)
    if kind == "distilbert":
        model = DistilBertForMaskedLM(DistilBertConfig(dim=8, n_layers=1, n_heads=2, hidden_dim=8, **shape, **options))
    elif kind == "modernbert":
        ends = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
        model = ModernBertForMaskedLM(ModernBertConfig(**shape, **wide, **ends, **options))
    elif kind == "roberta":
        model = RobertaForMaskedLM(RobertaConfig(**shape, **wide, **options))
    else:
        model = BertForMaskedLM(BertConfig(**shape, **wide, **options))
    with torch.no_grad():
        model.get_output_embeddings().bias[NO_SYMBOLS] += 20.0
    return model.requires_grad_(False)


def denoiser(kind="bert"):
    return PretrainedDenoiser(network(kind), tokenizer(kind))


def by_hand(denoiser, kind, row):
    """The network's logits of the text, (n, K), with the special tokens written out."""
    start, end = AROUND[kind]
    return denoiser.model(torch.tensor([[start, *row, end]])).logits[0, 1:-1]


def symbols_by_hand(kind):
    """A denoiser whose states are the places in SYMBOLS, the last one the mask: what laws.py enumerates."""
    model, ids = denoiser(kind), [*SYMBOLS, MASK]
    return lambda xt, time: torch.stack([by_hand(model, kind, [ids[x] for x in row])[:, ids] for row in xt.tolist()])


def places(tokens):
    """Token ids as places in SYMBOLS; -1 for what is no symbol."""
    return torch.tensor([[SYMBOLS.index(id) if id in SYMBOLS else -1 for id in row] for row in tokens.tolist()])


# The call

@every_kind
def test_the_logits_are_the_networks_with_the_special_tokens_around(kind):
    model = denoiser(kind)
    xt = torch.tensor([[4, 6, 8, 6], [6, 6, 6, 6], [5, 7, 4, 8]])
    logits = model(xt, torch.rand(3))
    assert logits.dtype == torch.float32
    due = torch.stack([by_hand(model, kind, row) for row in xt.tolist()])
    assert_close(logits[..., SYMBOLS], due[..., SYMBOLS], 1e-5)
    assert bool((logits[..., NO_SYMBOLS] == -torch.inf).all())


def test_the_special_tokens_matter():
    model = denoiser()
    bare = model.model(torch.tensor([[4, 6, 8]])).logits
    assert float((model(torch.tensor([[4, 6, 8]]))[..., SYMBOLS] - bare[..., SYMBOLS]).abs().max()) > 0.1


def test_the_names_that_samplers_and_losses_need():
    model = denoiser()
    assert (model.mask_id, model.num_states, model.max_length) == (MASK, NUM_STATES, 8)
    assert not model.training


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8])
def test_states_may_be_any_integers(dtype):
    model, xt = denoiser(), torch.tensor([[4, 6, 8]])
    assert_close(model(xt.to(dtype)), model(xt))


def test_logits_of_a_half_precision_model_are_float32():
    model = denoiser()
    due = model(torch.tensor([[4, 6, 8]]))
    logits = model.to(torch.bfloat16)(torch.tensor([[4, 6, 8]]))
    assert logits.dtype == torch.float32
    assert_close(logits, due, 0.3)


class ReadsATime(nn.Module):
    """A network whose forward wants a time, as those of MDLM checkpoints do."""

    def __init__(self, model):
        super().__init__()
        self.model, self.config = model, model.config

    def forward(self, input_ids, timesteps):
        output = self.model(input_ids)
        output.logits = output.logits * (1 + timesteps[:, None, None])
        return output


def test_a_model_that_needs_a_time_gets_it():
    model, xt = denoiser(), torch.tensor([[4, 6, 8], [6, 6, 6]])
    timed = PretrainedDenoiser(ReadsATime(model.model), tokenizer(),
                               time_arguments=lambda time: {"timesteps": 2 * time})
    factor = torch.tensor([1.5, 3.0])[:, None, None]
    assert_close(timed(xt, torch.tensor([0.25, 1.0])), model(xt) * factor, 1e-5)
    samples = lambda_schedule(timed, xt, levels(2), MASK, generator=seeded(0))
    assert set(samples.flatten().tolist()) <= set(SYMBOLS)


# Text

@pytest.mark.parametrize(("kind", "text", "ids"), [
    ("bert", "ab ▢ c", [4, 8, 6, 7]), ("bert", "ab [MASK] c", [4, 8, 6, 7]), ("roberta", "ab ▢ c", [4, 5, 8, 6, 8, 7])])
def test_text_becomes_states_without_special_tokens_and_back(kind, text, ids):
    model = denoiser(kind)
    states = model.encode(text)
    assert states.dtype == torch.int64
    assert states.tolist() == ids
    assert model.decode(states) == "ab ▢ c"
    assert model.decode(torch.stack([states, states])) == ["ab ▢ c", "ab ▢ c"]


@pytest.mark.parametrize(("text", "message"), [("a b [SEP] c", r"'\[SEP\]' \(id 3\) at token 2, after 'a b'"),
                                               ("a z", r"'\[UNK\]' \(id 1\) at token 1")])
def test_text_without_probability_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        denoiser().encode(text)


def test_special_tokens_that_have_no_role_get_no_mass_either():
    from transformers import AddedToken

    extended = tokenizer()
    extended.add_tokens([AddedToken("<end of text>", special=True), "d"])
    logits = PretrainedDenoiser(network(), extended)(torch.tensor([[6]]))
    assert logits.isfinite().squeeze().nonzero().squeeze(-1).tolist() == [4, 5, 7, 8, 10]


# Samples

@every_kind
@pytest.mark.parametrize("sample", [
    lambda model, template: lambda_schedule(model, template, levels(3), MASK, generator=seeded(1)),
    lambda model, template: first_hitting(model, template, MASK, generator=seeded(2)),
    lambda model, template: maskgit(model, template, 2, MASK, generator=seeded(3)),
    lambda model, template: surest_first(model, template, 5, MASK, generator=seeded(4)),
], ids=["lambda_schedule", "first_hitting", "maskgit", "surest_first"])
def test_samples_are_text_and_keep_the_template(kind, sample):
    template = torch.tensor([[6, 4, 6, 6, 7]]).repeat(300, 1)
    samples = sample(denoiser(kind), template)
    assert bool((samples[:, [1, 4]] == torch.tensor([4, 7])).all())
    assert set(samples.flatten().tolist()) == set(SYMBOLS)


every_template = pytest.mark.parametrize("template", [(4, 4, 4), (4, 1, 4)], ids=["free", "infilling"])


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@every_template
def test_samples_have_the_law_of_the_network_called_by_hand(kind, template):
    model, symbols = denoiser(kind), symbols_by_hand(kind)
    states = torch.tensor([[[*SYMBOLS, MASK][x] for x in template]]).repeat(20_000, 1)
    template = torch.tensor(template)
    law = as_dict(one_at_a_time_law(symbols, 4, 3, template))
    assert max(law.values()) > 2 * min(law.values())
    assert_samples(places(first_hitting(model, states, MASK, generator=seeded(1))), law)
    law = as_dict(lambda_schedule_law(symbols, 4, 3, levels(2), template))
    assert_samples(places(lambda_schedule(model, states, levels(2), MASK, generator=seeded(2))), law)


# Losses

def paid(model, kind, x0):
    """{masked positions: what their tokens pay}, in nats, with the softmax over the symbols written out."""
    table = {}
    for masked in product((False, True), repeat=len(x0)):
        row = by_hand(model, kind, [MASK if hidden else x for x, hidden in zip(x0, masked, strict=True)]).tolist()
        table[masked] = sum(math.log(sum(math.exp(row[i][v]) for v in SYMBOLS)) - row[i][x0[i]]
                            for i in range(len(x0)) if masked[i])
    return table


def bound_by_hand(table, length):
    """The integral over lambda of (1/lambda) E[...]: the midpoints of 20,000 pieces."""
    rates = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    return float(sum(loss * (rates**(sum(masked) - 1) * (1 - rates)**(length - sum(masked))).mean()
                     for masked, loss in table.items() if any(masked)))


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_the_exact_bounds_are_sums_over_the_networks_answers(kind):
    model, x0 = denoiser(kind), (4, 8, 7)
    table = paid(model, kind, x0)
    assert_close(exact_continuous_loss(model, torch.tensor([x0]), MASK)[0], bound_by_hand(table, 3), 1e-5)

    num_steps = 4   # mask rates t/4; the step t is paid with weight rho_t = (1/4) / (t/4) = 1/t
    due = sum((t / 4)**sum(masked) * (1 - t / 4)**(3 - sum(masked)) / t * loss
              for t in range(1, num_steps + 1) for masked, loss in table.items())
    transition = AbsorbingTransition(NUM_STATES, Schedule.linear(num_steps), mask_id=MASK)
    assert_close(exact_rho_weighted_loss(model, torch.tensor([x0]), transition)[0], due, 1e-5)


def test_the_bound_is_above_the_likelihood_under_the_law_of_first_hitting():
    model = denoiser()
    law = one_at_a_time_law(symbols_by_hand("bert"), 4, 3)
    x0 = torch.tensor(list(product(SYMBOLS, repeat=3)))
    gap = exact_continuous_loss(model, x0, MASK) + law.flatten().log()
    assert float(gap.min()) > -1e-5
    assert float(gap.max()) > 0.01


def test_estimates_are_unbiased():
    model, x0 = denoiser(), torch.tensor([[4, 8, 7]])
    due = bound_by_hand(paid(model, "bert", (4, 8, 7)), 3)
    assert_mean(mask_count_loss(model, x0.repeat(4000, 1), MASK, method="iid", generator=seeded(1)).double(), due)
    bits = held_out_bits(model, x0.repeat(500, 1), generator=seeded(2))
    assert abs(bits.mean - due / (3 * math.log(2))) < 5 * bits.standard_error


def test_it_can_be_trained_on_the_bound():
    model, x0 = denoiser().requires_grad_(), torch.tensor([[4, 8, 7, 7]])
    before = float(exact_continuous_loss(model, x0, MASK).detach())
    fit(model, lambda generator: x0.repeat(16, 1), TrainingConfig(num_steps=60, warmup=5, learning_rate=0.02),
        progress=False)
    assert float(exact_continuous_loss(model, x0, MASK).detach()) < before / 2
    assert not model.training


# What does not fit

@every_kind
def test_the_longest_sequence_is_that_of_the_networks_positions(kind):
    model, longest = denoiser(kind), LONGEST[kind]
    assert model(torch.full((1, longest), 4)).shape == (1, longest, NUM_STATES)
    with pytest.raises(ValueError, match=f"has {longest + 1} tokens, but this model takes at most {longest}"):
        model(torch.full((1, longest + 1), 4))


def test_the_tokenizer_may_set_a_lower_limit():
    assert PretrainedDenoiser(network(), tokenizer(model_max_length=6)).max_length == 4


@pytest.mark.parametrize(("state", "name"), [(2, r"'\[CLS\]'"), (0, r"'\[PAD\]'"), (10, "None")])
def test_states_that_are_no_text_are_refused(state, name):
    with pytest.raises(ValueError, match=rf"xt holds {name} \(id {state}\), which is no text"):
        denoiser()(torch.tensor([[4, 6], [state, 6]]))


def test_a_tokenizer_without_a_mask_is_refused():
    without = tokenizer()
    without.mask_token = None
    with pytest.raises(ValueError, match="no mask token"):
        PretrainedDenoiser(network(), without)


def test_a_tokenizer_of_another_model_is_refused():
    larger = tokenizer()
    larger.add_tokens(["d", "e", "f", "g"])
    with pytest.raises(ValueError, match="the token 12, but the model's vocab_size is 12"):
        PretrainedDenoiser(network(), larger)


def gpt():
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(vocab_size=NUM_STATES, n_embd=8, n_layer=1, n_head=2, bos_token_id=0,
                                      eos_token_id=0))


@pytest.mark.parametrize("make", [gpt, lambda: network(is_decoder=True)], ids=["GPT-2", "BERT as a decoder"])
def test_a_causal_model_is_refused(make):
    with pytest.raises(ValueError, match="to the left only"):
        PretrainedDenoiser(make(), tokenizer())


def test_a_model_without_the_right_head_is_refused():
    from transformers import BertForSequenceClassification, BertModel

    config = network().config
    with pytest.raises(ValueError, match="no logits"):
        PretrainedDenoiser(BertModel(config), tokenizer())
    with pytest.raises(ValueError, match=r"logits \(1, 2\)"):
        PretrainedDenoiser(BertForSequenceClassification(config), tokenizer())


# From a folder

def save(folder, model, words):
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@every_kind
def test_what_transformers_saved_is_loaded(kind, tmp_path, device):
    folder = save(tmp_path, network(kind), tokenizer(kind, model_max_length=7))
    model, due = load_pretrained(folder, device), denoiser(kind)
    xt = torch.tensor([[4, 6, 8]])
    assert_close(model(xt.to(device)), due(xt), 1e-5 if device.type == "cpu" else 1e-3)
    assert model.max_length == 5
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    text = model.encode("a▢")
    assert text.device.type == device.type
    samples = first_hitting(model, text[None], MASK, generator=seeded(0, device))
    assert model.decode(samples)[0].startswith("a")


def test_a_folder_with_a_causal_model_is_refused(tmp_path):
    folder = save(tmp_path, gpt(), tokenizer())
    with pytest.raises(ValueError, match="no masked language model that transformers brings the code for"):
        load_pretrained(folder)


def test_the_code_of_a_checkpoint_is_not_run(tmp_path):
    folder = save(tmp_path / "model", network(), tokenizer())
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mdlm", "auto_map": {"AutoConfig": "code.Config", "AutoModelForMaskedLM": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'was run')!r}, 'w')")
    with pytest.raises(ValueError, match="no masked language model that transformers brings the code for"):
        load_pretrained(folder)
    assert not (tmp_path / "was run").exists()


def test_without_transformers_the_error_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[pretrained\]' in the course's folder"):
        load_pretrained("bert-base-uncased")


def test_transformers_is_imported_only_when_a_model_is_loaded():
    code = "import sys, dlm_course\nfrom dlm_course import *\nload_pretrained\nprint('transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
