"""What each corpus promises, every way in which getting it can fail, the tokenizer, the cuts, the digits."""

import collections
import doctest
import hashlib
import http.server
import math
import os
import re
import socket
import subprocess
import sys
import threading
import tracemalloc
import types
from unittest import mock

import numpy as np
import pooch
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cases import INTS, NO_COUNTS

from dlm_course.text import corpora
from dlm_course.text.corpora import CharTokenizer, DataError, load_digits, load_text, random_sequences, sequences, split

PROSE_CHARACTERS = set("abcdefghijklmnopqrstuvwxyz \n.,:;'-()")
PLAY = "First Citizen:\nBefore we proceed any further, hear me speak.\n" * 500    # stands in for tiny-shakespeare
# A topic as Sphinx writes it. Of its text only the lines in CLEANED are prose.
TOPIC = """The "pass" statement
********************

   pass_stmt ::= "pass"

"pass" is a null operation — when it is executed, nothing happens. It is
useful as a place-\nholder, e.g. "def f(arg): pass" defines a function.
The object’s ‘own’ “__init__()” method may raise *TypeError*. [1]

>>> class C: pass
...

* If a statement
  is required, use it.

* See also "sys.meta_path" (it is a list of finders).

Note:

  This is both left-
  and right-associative.  Half
  a bracket (is dropped.  With its other half, too).

Terms without a full stop
   Their definitions are kept, however.

+------+------+
| Name | Two words of a table. |
+------+------+

Changed in version 3.7: Lists may now be empty as well. New in 3.8.

[1] Footnotes are kept (when they
    are sentences).
"""
CLEANED = """pass is a null operation - when it is executed, nothing happens. \
the object's own init method may raise type error.
if a statement is required, use it.
see also sys.meta-path (it is a list of finders).
this is both left- and right-associative.
their definitions are kept, however.
lists may now be empty as well.
footnotes are kept (when they are sentences).
"""


def seeded(device="cpu", seed=0):
    return torch.Generator(device).manual_seed(seed)


# --- the Python reference -------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def reference():
    return load_text()


def with_topics(monkeypatch, **topics):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", types.SimpleNamespace(topics=topics))
    return load_text("python-reference")


def test_the_python_reference_has_the_size_and_the_characters_it_promises(reference):
    assert 120_000 < len(reference) < 400_000
    assert set(reference) <= PROSE_CHARACTERS
    assert len(set(reference)) >= 30
    assert reference == load_text("python-reference")


def test_the_python_reference_reads_like_english(reference):
    letters = sum(char.isalpha() for char in reference) / len(reference)
    assert 0.75 < letters < 0.85
    counts = collections.Counter(re.findall("[a-z]+", reference))
    assert counts.most_common(1)[0][0] == "the"
    for word in ("is", "of", "and", "to", "in", "function", "statement", "object", "class", "when", "not"):
        assert counts[word] > 50, word
    mean_length = sum(map(len, counts.elements())) / counts.total()
    assert 4 < mean_length < 6.5


def test_the_python_reference_is_one_paragraph_of_whole_sentences_a_line(reference):
    assert reference.endswith(".\n")
    assert not re.search(r"\s\s|^\s| $| [.,;:)]|\( |--", reference, re.MULTILINE)
    lines = reference.splitlines()
    assert len(lines) == len(set(lines)) > 500
    assert all(line.endswith((".", ".)")) and len(line.split()) >= 4 for line in lines)
    assert not re.search(r"\b(?:def|elif|print) \w+\(", reference)


def test_cleaning_keeps_the_sentences_and_drops_code_grammar_tables_and_headings(monkeypatch):
    assert with_topics(monkeypatch, one=TOPIC) == CLEANED


def test_cleaning_takes_the_backticks_of_newer_pythons_for_quotes(monkeypatch):
    assert with_topics(monkeypatch, one=TOPIC.replace('"', "`")) == CLEANED


def test_sections_that_stand_in_several_topics_appear_once_in_the_order_of_the_names(monkeypatch):
    text = with_topics(monkeypatch, b="Second comes the other topic.\n\n" + TOPIC, a=TOPIC)
    assert text == CLEANED + "second comes the other topic.\n"


def test_a_python_without_the_reference_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match=r"without pydoc_data\.topics.*tiny-shakespeare"):
        load_text()


# --- tiny-shakespeare -----------------------------------------------------------------------------------------------

@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, no data folder, and PLAY in the place of tiny-shakespeare."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda project: folder)
    monkeypatch.setattr(corpora, "SHAKESPEARE_SHA256", hashlib.sha256(PLAY.encode()).hexdigest())
    monkeypatch.delenv("DLM_COURSE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    return folder


@pytest.fixture
def serve(monkeypatch):
    """serve(body): upstream answers with `body`; `drop_after` bytes it hangs up; returns the list of requests seen."""
    servers = []

    def start(body, status=200, drop_after=None):
        requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                requests.append(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:drop_after])

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        monkeypatch.setattr(corpora, "SHAKESPEARE_URL", f"http://127.0.0.1:{server.server_port}/input.txt")
        return requests

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def no_network(monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))    # bound but not listening: connections are refused
        monkeypatch.setattr(corpora, "SHAKESPEARE_URL", f"http://127.0.0.1:{unused.getsockname()[1]}/input.txt")
        yield


def files_under(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def assert_fails_with_advice_and_leaves_nothing(cache, what):
    with pytest.raises(DataError, match=what) as failure:
        load_text("tiny-shakespeare")
    message = str(failure.value)
    assert "DLM_COURSE_DATA" in message
    assert "tinyshakespeare.txt" in message
    assert 'offline default, "python-reference"' in message
    assert failure.value.__cause__ is not None
    assert files_under(cache) == []


def test_a_download_succeeds_once_and_is_kept(cache, serve):
    requests = serve(PLAY.encode())
    assert load_text("tiny-shakespeare") == PLAY
    assert load_text("tiny-shakespeare") == PLAY
    assert len(requests) == 1
    assert files_under(cache) == ["tinyshakespeare.txt"]


def test_a_cached_file_needs_no_network(cache, no_network):
    cache.mkdir()
    (cache / "tinyshakespeare.txt").write_bytes(PLAY.encode())
    assert load_text("tiny-shakespeare") == PLAY


def test_a_download_with_a_wrong_checksum_fails_and_leaves_nothing(cache, serve):
    serve(PLAY.upper().encode())
    assert_fails_with_advice_and_leaves_nothing(cache, "does not match the known hash")


@pytest.mark.parametrize("drop_after", [0, 1000])
def test_a_dropped_connection_fails_and_leaves_nothing(cache, serve, drop_after):
    serve(PLAY.encode(), drop_after=drop_after)
    assert_fails_with_advice_and_leaves_nothing(cache, "could not be fetched")


def test_a_missing_page_fails_and_leaves_nothing(cache, serve):
    serve(b"not here", status=404)
    assert_fails_with_advice_and_leaves_nothing(cache, "404")


def test_no_network_fails_and_leaves_nothing(cache, no_network):
    assert_fails_with_advice_and_leaves_nothing(cache, "ConnectionError")


def test_a_wrong_file_in_the_cache_is_replaced(cache, serve):
    cache.mkdir()
    (cache / "tinyshakespeare.txt").write_text(PLAY[:1000])
    serve(PLAY.encode())
    assert load_text("tiny-shakespeare") == PLAY
    assert files_under(cache) == ["tinyshakespeare.txt"]


def test_a_wrong_file_in_the_cache_does_not_outlive_a_failed_download(cache, no_network):
    cache.mkdir()
    (cache / "tinyshakespeare.txt").write_text(PLAY[:1000])
    assert_fails_with_advice_and_leaves_nothing(cache, "could not be fetched")


def test_a_cache_that_cannot_be_written_is_a_data_error(cache, serve):
    serve(PLAY.encode())
    cache.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="could not be fetched"):
        load_text("tiny-shakespeare")


@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "input.txt"])
def test_the_data_folder_comes_first(cache, no_network, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(PLAY.encode())
    monkeypatch.setenv("DLM_COURSE_DATA", str(tmp_path))
    assert load_text("tiny-shakespeare") == PLAY
    assert not cache.exists()


def test_a_wrong_file_in_the_data_folder_is_named_and_left_alone(cache, serve, tmp_path, monkeypatch):
    requests = serve(PLAY.encode())
    path = tmp_path / "tinyshakespeare.txt"
    path.write_bytes(PLAY.replace("\n", "\r\n").encode())
    monkeypatch.setenv("DLM_COURSE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"sha256.*line ends.*python-reference") as failure:
        load_text("tiny-shakespeare")
    assert str(path) in str(failure.value)
    assert path.exists()
    assert requests == []


@pytest.mark.parametrize("folder", ["", "empty", "missing"])
def test_a_data_folder_without_the_file_falls_back_to_the_download(cache, serve, tmp_path, monkeypatch, folder):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("DLM_COURSE_DATA", folder and str(tmp_path / folder))
    (tmp_path / "input.txt").write_text("a file in the working directory that has nothing to do with it")
    monkeypatch.chdir(tmp_path)
    serve(PLAY.encode())
    assert load_text("tiny-shakespeare") == PLAY


@pytest.mark.skipif("DLM_COURSE_DATA" not in os.environ, reason="DLM_COURSE_DATA names no folder with the real file")
def test_the_real_tiny_shakespeare_has_1115394_characters_of_65_kinds():
    text = load_text("tiny-shakespeare")
    assert (len(text), len(set(text))) == (1_115_394, 65)
    assert text.startswith("First Citizen:\nBefore we proceed")


# --- a text of your own ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("content", "text"), [
    ("Grüße,\nWelt\n".encode(), "Grüße,\nWelt\n"),
    (b"\xef\xbb\xbfbyte order mark", "byte order mark"),
    (b"dos\r\nold mac\runix\n", "dos\nold mac\nunix\n"),
])
def test_a_file_of_your_own_is_utf8_with_universal_newlines(tmp_path, content, text):
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    assert load_text(path) == text
    assert load_text(str(path)) == text


@pytest.mark.parametrize(("content", "what"), [
    (b"", "no text"),
    (b" \n\n", "no text"),
    (b"PK\x00\x01", "NUL bytes"),
    ("UTF-16".encode("utf-16"), "UTF-16, not UTF-8 .*save it as UTF-8"),
    ("UTF-16".encode("utf-16-le"), "NUL bytes: a binary file, or text in UTF-16"),
    ("Grüße".encode("latin-1"), r"not UTF-8 \(byte 2\)"),
])
def test_a_file_that_is_no_text_is_refused_by_name(tmp_path, content, what):
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"mine.txt.*{what}"):
        load_text(path)


@pytest.mark.parametrize("source", ["tiny_shakespeare", "no/such/file.txt", "", "The whole text. " * 1000, "a\0b"])
def test_a_source_that_is_neither_a_corpus_nor_a_file_lists_the_corpora(source):
    with pytest.raises(DataError, match="python-reference, tiny-shakespeare") as failure:
        load_text(source)
    assert len(str(failure.value)) < 600


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a directory"):
        load_text(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied")
    path = tmp_path / "mine.txt"
    path.write_text("mine")
    monkeypatch.setattr(corpora.Path, "read_bytes", denied)
    with pytest.raises(DataError, match=r"mine\.txt could not be read.*Permission denied"):
        load_text(path)


def test_a_source_of_another_type_is_refused():
    with pytest.raises(TypeError, match="int"):
        load_text(3)


# --- the tokenizer --------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_characters="▢", exclude_categories=["Cs"]), min_size=1)


@settings(derandomize=True, deadline=None)
@given(TEXTS)
def test_decoding_undoes_encoding_for_any_text(text):
    tokenizer = CharTokenizer.from_text(text)
    tokens = tokenizer.encode(text)
    assert tokens.dtype == torch.int64
    assert tokens.shape == (len(text),)
    assert tokenizer.decode(tokens) == text
    assert tokenizer.vocab_size == len(set(text))


@settings(derandomize=True, deadline=None)
@given(TEXTS, st.data())
def test_encoding_undoes_decoding_for_any_states_with_the_mask_among_them(text, draw):
    tokenizer = CharTokenizer.from_text(text)
    states = draw.draw(st.lists(st.integers(0, tokenizer.mask_id)))
    assert tokenizer.encode(tokenizer.decode(torch.tensor(states, dtype=torch.int64))).tolist() == states


def test_the_mask_is_the_last_state_and_is_counted():
    tokenizer = CharTokenizer.from_text("banana")
    assert (tokenizer.vocab_size, tokenizer.num_states, tokenizer.mask_id) == (3, 4, 3)
    assert tokenizer.decode(torch.tensor([0, 3])) == "a▢"


def test_the_alphabet_is_sorted_and_is_all_there_is_to_save():
    tokenizer = CharTokenizer.from_text("the cat")
    assert tokenizer.alphabet == " aceht"
    assert tokenizer == CharTokenizer(tokenizer.alphabet) == CharTokenizer("tac he")
    assert hash(tokenizer) == hash(CharTokenizer("tac he"))
    assert tokenizer != CharTokenizer("abc")
    assert tokenizer == CharTokenizer.from_text("the cat", mask_char="_")


def test_a_batch_decodes_to_a_list_of_texts_and_an_empty_text_to_itself():
    tokenizer = CharTokenizer("ab", mask_char="_")
    assert tokenizer.decode(torch.tensor([[0, 1], [2, 0]], dtype=torch.uint8)) == ["ab", "_a"]
    assert tokenizer.decode(tokenizer.encode("")) == ""


def test_a_character_outside_the_alphabet_is_named_with_its_position():
    with pytest.raises(ValueError, match=r"'Z' at position 2 .* 3 characters, 'abn'"):
        CharTokenizer("abn").encode("baZZ")
    wide = CharTokenizer("".join(map(chr, range(0x4E00, 0x4F00))))
    with pytest.raises(ValueError, match=r"256 characters, .*\.\.\.") as failure:
        wide.encode("a")
    assert len(str(failure.value)) < 250


@pytest.mark.parametrize("state", [-1, 4])
def test_a_state_out_of_range_is_refused(state):
    with pytest.raises(ValueError, match=rf"state {state}.*0\.\.3"):
        CharTokenizer("abn").decode(torch.tensor([0, state]))


def test_decode_refuses_floats_and_other_shapes():
    with pytest.raises(TypeError, match=r"tokens.*float32"):
        CharTokenizer("abn").decode(torch.zeros(3))
    for shape in [(), (1, 1, 1)]:
        with pytest.raises(ValueError, match="shape"):
            CharTokenizer("abn").decode(torch.zeros(shape, dtype=torch.int64))


@pytest.mark.parametrize(("arguments", "what"), [
    (("",), "empty"),
    (("banana",), r"repeats \['a', 'n'\]"),
    (("ab", "a"), "outside the alphabet, got 'a'"),
    (("ab", "[MASK]"), r"one character"),
    (("ab", ""), "one character"),
])
def test_an_alphabet_that_cannot_work_is_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        CharTokenizer(*arguments)


def by_a_dictionary(tokenizer, text):
    """The states one character at a time, and the first character that has none."""
    state = {char: index for index, char in enumerate(tokenizer.alphabet + tokenizer.mask_char)}
    unknown = next(((char, place) for place, char in enumerate(text) if char not in state), None)
    return [state.get(char) for char in text], unknown


@settings(derandomize=True, deadline=None)
@given(st.text(min_size=1), st.text(), st.integers(1, 4))
def test_a_long_text_is_looked_up_piece_by_piece_as_character_by_character(known, text, piece):
    """Whatever the characters: beyond 16 bits, halves of surrogate pairs, the mask; pieces of a few characters."""
    known = known.replace("▢", "") or "a"
    with mock.patch.object(corpora, "_PIECE", piece):
        tokenizer = CharTokenizer.from_text(known)
        assert tokenizer.alphabet == "".join(sorted(set(known)))
        for given_text in (known, known + text):
            states, unknown = by_a_dictionary(tokenizer, given_text)
            if unknown is None:
                tokens = tokenizer.encode(given_text)
                assert tokens.dtype == torch.int64
                assert tokens.tolist() == states
            else:
                message = f"the character {unknown[0]!r} at position {unknown[1]} "
                with pytest.raises(ValueError, match=re.escape(message)):
                    tokenizer.encode(given_text)


def test_a_text_of_two_million_characters_takes_the_memory_of_its_tokens(reference):
    """Sixteen million bytes, and eight for a piece; a list of the states would take as much again."""
    text = (reference * (2_000_000 // len(reference) + 1))[:2_000_000]
    tokenizer = CharTokenizer.from_text(text)
    tracemalloc.start()
    try:
        tokens = tokenizer.encode(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(tokens) == 2_000_000
    assert peak < 40e6
    assert tokenizer.decode(tokens[-1000:]) == text[-1000:]


def test_the_python_reference_survives_the_tokenizer(reference):
    tokenizer = CharTokenizer.from_text(reference)
    assert tokenizer.num_states <= 37
    assert tokenizer.decode(tokenizer.encode(reference)) == reference


# --- cuts -----------------------------------------------------------------------------------------------------------

@settings(derandomize=True, deadline=None)
@given(st.integers(2, 200), st.floats(0.01, 0.99))
def test_the_held_out_part_is_the_end_and_nothing_is_lost_or_shared(n, held_out):
    text = "".join(map(chr, range(0x100, 0x100 + n)))    # every character once
    if round(held_out * n) in (0, n):
        with pytest.raises(ValueError, match=f"length {n} .*empty"):
            split(text, held_out)
    else:
        train, rest = split(text, held_out)
        assert train + rest == text
        assert len(rest) == round(held_out * n)


def test_a_tenth_is_held_out_by_default_of_text_and_of_tokens():
    assert split("a" * 90 + "b" * 10) == ("a" * 90, "b" * 10)
    train, rest = split(torch.arange(20))
    assert (train.tolist(), rest.tolist()) == (list(range(18)), [18, 19])


@pytest.mark.parametrize("held_out", [0, 1, -0.1, 10, math.nan, math.inf, True, "0.1", None])
def test_a_share_outside_0_to_1_is_refused(held_out):
    with pytest.raises(ValueError, match="between 0 and 1"):
        split("some text", held_out)


def test_sequences_do_not_overlap_and_leave_out_the_remainder():
    assert sequences(torch.arange(11), 3).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert sequences(torch.arange(3), 3).tolist() == [[0, 1, 2]]


def test_random_sequences_are_windows_of_the_text_and_reach_both_ends():
    tokens = torch.arange(10, 20)
    batch = random_sequences(tokens, 4, 300, generator=seeded())
    assert batch.shape == (300, 4)
    assert batch.dtype == torch.int64
    assert torch.equal(batch, batch[:, :1] + torch.arange(4))
    assert set(batch[:, 0].tolist()) == set(range(10, 17))
    assert random_sequences(tokens, 10, 2, generator=seeded()).tolist() == [tokens.tolist()] * 2


def test_random_sequences_start_everywhere_equally_often():
    starts = random_sequences(torch.arange(12), 3, 10_000, generator=seeded())[:, 0]
    counts = torch.bincount(starts, minlength=10)
    assert (counts - 1000).abs().max() < 5 * 30    # five standard errors


def test_the_generator_decides_the_batch():
    first, again, other = (random_sequences(torch.arange(999), 5, 8, generator=seeded(seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    state = torch.random.get_rng_state()
    random_sequences(torch.arange(999), 5, 8, generator=seeded())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_batch_goes_to_the_device_asked_for(device):
    tokens = torch.arange(50)
    assert random_sequences(tokens, 5, 8, generator=seeded(), device=device).device.type == device.type
    there = random_sequences(tokens.to(device), 5, 8, generator=seeded(device))
    assert there.device.type == device.type
    assert random_sequences(tokens, 5, 8, generator=seeded(), device="meta").device.type == "meta"


@pytest.mark.parametrize("cut", [sequences, lambda tokens, length: random_sequences(tokens, length, 2)])
@pytest.mark.parametrize(("tokens", "length", "error", "what"), [
    (torch.arange(5), 6, ValueError, "5 tokens.*length 6"),
    (torch.arange(5), 0, ValueError, "length must be an int >= 1, got 0"),
    (torch.arange(5), 2.0, ValueError, r"length must be an int >= 1, got 2\.0"),
    (torch.arange(5), True, ValueError, "length must be an int >= 1, got True"),
    (torch.arange(5), 10**20, ValueError, "length must be an int"),
    (torch.zeros(2, 5, dtype=torch.int64), 2, ValueError, r"\(2, 5\)"),
    (torch.zeros(5), 2, TypeError, "float32"),
    (torch.ones(5, dtype=torch.bool), 2, TypeError, "bool"),
    ("text", 2, TypeError, "str.*encode"),
])
def test_tokens_that_cannot_be_cut_are_refused(cut, tokens, length, error, what):
    with pytest.raises(error, match=what):
        cut(tokens, length)


@pytest.mark.parametrize("batch_size", NO_COUNTS, ids=repr)
def test_a_batch_of_no_number_is_refused(batch_size):
    with pytest.raises(ValueError, match="batch_size must be an int >= 1"):
        random_sequences(torch.arange(5), 2, batch_size)


@pytest.mark.parametrize("make", INTS)
def test_lengths_and_batch_sizes_are_integers_of_any_make(make):
    tokens = torch.arange(12)
    assert torch.equal(sequences(tokens, make(5)), sequences(tokens, 5))
    assert torch.equal(random_sequences(tokens, make(5), make(3), generator=seeded()),
                       random_sequences(tokens, 5, 3, generator=seeded()))
    assert split(tokens, np.float64(0.25))[1].tolist() == [9, 10, 11]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_tokens_of_fewer_bytes_are_cut_alike(dtype):
    tokens = torch.arange(12)
    assert torch.equal(sequences(tokens.to(dtype), 5), sequences(tokens, 5).to(dtype))


# --- the digits, and what an import costs ---------------------------------------------------------------------------

def test_the_digits_are_1797_images_with_levels_0_to_16():
    images, labels = load_digits()
    assert (images.shape, images.dtype) == ((1797, 8, 8), torch.int64)
    assert (labels.shape, labels.dtype) == ((1797,), torch.int64)
    assert (int(images.min()), int(images.max())) == (0, 16)
    assert labels.unique().tolist() == list(range(10))
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_the_examples_in_the_docstrings_are_right():
    result = doctest.testmod(corpora)
    assert result.attempted > 0
    assert result.failed == 0


def test_importing_data_imports_neither_sklearn_nor_pooch_nor_the_reference():
    code = ("import sys, dlm_course.text.corpora\n"
            "sys.exit(', '.join({'sklearn', 'pooch', 'requests', 'pydoc_data'} & set(sys.modules)) or None)")
    subprocess.run([sys.executable, "-c", code], check=True)
