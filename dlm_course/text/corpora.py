"""Real text and images: two corpora and files of your own, a character tokenizer, splits, the 8x8 digits.

Nothing is downloaded unless it is asked for: "python-reference" and the digits come with what is installed already.
Token ids are int64 tensors with values in 0..V-1 for characters and V for the mask, so that num_states = K = V + 1.
"""

import hashlib
import os
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from dlm_course.arguments import as_float, check_int
from dlm_course.chain.categorical import check_states
from dlm_course.files import NotText, text_of

CORPORA = ("python-reference", "tiny-shakespeare")
MASK_CHAR = "▢"
DATA_FOLDER_VARIABLE = "DLM_COURSE_DATA"
SHAKESPEARE_URL = ("https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/"
                   "data/tinyshakespeare/input.txt")
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
SHAKESPEARE_FILES = ("tinyshakespeare.txt", "input.txt")

_PIECE = 2**20     # characters looked up at a time, so that a long text needs little memory beside its tokens

# One word of the cleaned prose with the punctuation attached to it, or a dash between words.
_WORD = re.compile(r"\(?[a-z]+(?:['.-][a-z]+)*['-]?[.,;:]?\)?[.,;:]?|-")
_MIN_WORDS = 4
_LIST_ITEM = re.compile(r"(?:[*•]|\d+\.|\[\d+\]) +")
_ADMONITION = re.compile(r"(?:[A-Z]\w+ (?:in|since) version [^:]{1,60}|Note|Warning|\W*CPython implementation detail)"
                         r":\**\s*")
_SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?]\)))(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z\"*“‘`(])")
_HYPHENATED_LINE_END = re.compile(r"(?<=\w)-\n(?!and |or )")
_REWRITES = [(re.compile(pattern), replacement) for pattern, replacement in (
    (r"\s\[\d+\]", ""),                                     # references to footnotes
    (r"‘(.*?)’(?!\w)", r"\1"),                              # single quotes; what is left of ’ are apostrophes
    (r"’", "'"),
    (r"\s*[–—]\s*", " - "),
    (r"(?<=\w)\(\)", ""),                                   # the brackets of f()
    (r"[\"“”`]|(?<!\w)[*']+|[*']+(?!\w)", ""),              # double quotes, *emphasis*, quoted 'code'
    (r"(?<![^\W_])_+|_+(?![^\W_])", ""),                    # __init__ -> init
    (r"_+", "-"),                                           # from_bytes -> from-bytes
    (r"(?<=[a-z])(?=[A-Z][a-z])", " "),                     # TypeError -> Type Error
    (r"\s+", " "),
)]


class DataError(RuntimeError):
    """A corpus could not be had: the message says what happened and what to do about it."""


def load_text(source: str | os.PathLike[str] = "python-reference") -> str:
    r"""A corpus as one string.

    "python-reference": the prose of the Python language reference that every CPython carries. Code, grammar, tables,
        headings and repeated paragraphs are left out, and so is every sentence that holds more than words and
        punctuation. What remains, about 200,000 characters, is lower case with one paragraph a line, over at most 36
        characters: a-z, space, newline and . , : ; ' - ( ). Few symbols and plain sentences are what a small model
        learns soonest. It differs between releases of Python: build nothing on its exact characters.
    "tiny-shakespeare": 1,115,394 characters of plays over 65 characters, the same bytes for everybody (sha256 is
        checked). Taken from the folder named by the environment variable DLM_COURSE_DATA (as tinyshakespeare.txt or
        input.txt), else from the cache, else downloaded into the cache.
    Anything else is the path of a UTF-8 text file of your own; line ends become \n, a byte order mark is dropped.

    Raises: DataError where the text cannot be had, TypeError for a source that is neither a string nor a path.
    Source: Andrej Karpathy's char-rnn for tiny-shakespeare.
    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"source must be a corpus name or a path, got {type(source).__name__}")
    if source == "python-reference":
        return _python_reference()
    if source == "tiny-shakespeare":
        return _tiny_shakespeare()
    return _own_text(os.path.expanduser(source))


def _python_reference() -> str:
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise DataError("this Python comes without pydoc_data.topics, the text of its language reference (some "
                        "distributions leave it out or package it apart); install it, use a Python from python.org or "
                        'conda, or take "tiny-shakespeare" or a text file of your own') from error
    # Whole sections stand in several topics; a dict drops the repeats and keeps the order.
    paragraphs = dict.fromkeys(paragraph for name in sorted(topics) for paragraph in _paragraphs(topics[name]))
    lines = dict.fromkeys(_prose(paragraph) for paragraph in paragraphs)
    return "".join(line + "\n" for line in lines if line)


def _paragraphs(topic: str) -> Iterator[str]:
    """The paragraphs of a topic, unwrapped: a blank line, a list item or a change of indentation starts a new one."""
    lines: list[str] = []
    margin = None
    for line in [*topic.splitlines(), ""]:
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        item = _LIST_ITEM.match(text)
        if lines and (not text or item or indent != margin):
            yield _HYPHENATED_LINE_END.sub("-", "\n".join(lines)).replace("\n", " ")
            lines = []
        if text:
            margin = indent + (item.end() if item else 0)
            lines.append(text[item.end():] if item else text)


def _prose(paragraph: str) -> str:
    """Those sentences of a paragraph that are words and punctuation only, in lower case; "" where there are none."""
    kept = []
    for sentence in _SENTENCE_END.split(_ADMONITION.sub("", paragraph, count=1)):
        for pattern, replacement in _REWRITES:
            sentence = pattern.sub(replacement, sentence)
        words = sentence.strip().lower().split(" ")
        if (len(words) >= _MIN_WORDS and words[-1].endswith((".", ".)")) and sentence.count("(") == sentence.count(")")
                and all(_WORD.fullmatch(word) for word in words)):
            kept.append(" ".join(words))
    return " ".join(kept)


def _tiny_shakespeare() -> str:
    path = _shakespeare_in_data_folder()
    if path is None:
        path = _shakespeare_in_cache()
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHAKESPEARE_SHA256:
        raise DataError(f"{path} is not tiny-shakespeare: its sha256 is {digest} ({len(content):,} bytes), expected "
                        f"{SHAKESPEARE_SHA256}; was it edited, cut short, or were its line ends converted? Replace or "
                        'remove it, or use the offline default, "python-reference"')
    return content.decode()


def _shakespeare_in_data_folder() -> Path | None:
    folder = os.environ.get(DATA_FOLDER_VARIABLE)
    if not folder:
        return None
    paths = [Path(folder).expanduser() / name for name in SHAKESPEARE_FILES]
    return next((path for path in paths if path.is_file()), None)


def _shakespeare_in_cache() -> Path:
    """The path in pooch's cache, after a download if need be; nothing half-written or wrong stays there."""
    import pooch

    name = SHAKESPEARE_FILES[0]
    folder = Path(pooch.os_cache("dlm_course"))
    try:
        if (folder / name).is_file() and pooch.file_hash(str(folder / name)) != SHAKESPEARE_SHA256:
            (folder / name).unlink()
        return Path(pooch.retrieve(SHAKESPEARE_URL, known_hash=f"sha256:{SHAKESPEARE_SHA256}", fname=name, path=folder))
    except (OSError, ValueError) as error:    # the network, the disk; a wrong checksum
        raise DataError(f"tiny-shakespeare could not be fetched from {SHAKESPEARE_URL} into {folder} "
                        f"({type(error).__name__}: {textwrap.shorten(str(error), 300)}); put the file into the folder "
                        f"named by the environment variable {DATA_FOLDER_VARIABLE}, as {name}, or use the offline "
                        'default, "python-reference"') from error


def _own_text(path: str) -> str:
    if not os.path.exists(path):    # unlike Path.exists, False for a whole text given as the path
        raise DataError(f"{textwrap.shorten(path, 200)!r} is neither a corpus ({', '.join(CORPORA)}) nor an existing "
                        f"file; a relative path starts from {os.getcwd()}")
    if os.path.isdir(path):
        raise DataError(f"{path} is a directory; load_text takes the path of one text file")
    content = _read(Path(path))
    try:
        text = text_of(content)
    except NotText as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not text.strip():
        raise DataError(f"{path} holds no text ({len(content)} bytes)")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} could not be read ({error.strerror or error}); check that you may read it") from error


@dataclass(frozen=True)
class CharTokenizer:
    """One state a character, in sorted order, and one more for the mask: K = V + 1 states.

    `alphabet` (V different characters) is all there is to save: CharTokenizer(saved.alphabet) == saved. `mask_char` is
    how a mask is written, by `decode` and, for prompts with gaps, in the text given to `encode`.
    >>> tokenizer = CharTokenizer.from_text("banana")
    >>> tokenizer.alphabet, tokenizer.num_states, tokenizer.encode("nab▢").tolist()
    ('abn', 4, [2, 0, 1, 3])
    >>> tokenizer.decode(torch.tensor([[2, 0, 1], [3, 0, 3]]))
    ['nab', '▢a▢']

    Raises: ValueError for an alphabet that is empty or repeats a character, and for a mask_char that is not one
    character outside the alphabet.
    """

    alphabet: str
    mask_char: str = field(default=MASK_CHAR, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "alphabet", "".join(sorted(self.alphabet)))
        repeated = sorted(char for char, count in Counter(self.alphabet).items() if count > 1)
        if not self.alphabet:
            raise ValueError("the alphabet is empty; is the text empty?")
        if repeated:
            raise ValueError(f"the alphabet repeats {repeated[:10]}; CharTokenizer.from_text(text) takes any text")
        if len(self.mask_char) != 1 or self.mask_char in self.alphabet:
            raise ValueError(f"mask_char must be one character outside the alphabet, got {self.mask_char!r}; "
                             "choose one that the text does not hold")

    @classmethod
    def from_text(cls, text: str, *, mask_char: str = MASK_CHAR) -> "CharTokenizer":
        """The tokenizer of the characters in `text`; give it the whole text, the held-out part included."""
        seen = np.zeros(sys.maxunicode + 1, dtype=bool)
        for start in range(0, len(text), _PIECE):
            seen[_code_points(text[start:start + _PIECE])] = True
        return cls("".join(map(chr, seen.nonzero()[0])), mask_char)

    @property
    def vocab_size(self) -> int:
        """V, the number of characters."""
        return len(self.alphabet)

    @property
    def num_states(self) -> int:
        """K = V + 1, the mask counted."""
        return self.vocab_size + 1

    @property
    def mask_id(self) -> int:
        """The state of the mask, V, the last one."""
        return self.vocab_size

    def encode(self, text: str) -> Tensor:
        """The states of the characters of `text`: int64 (n,). A mask_char becomes mask_id.

        Raises: ValueError for a character outside the alphabet.
        """
        symbols = _code_points(self.alphabet + self.mask_char)
        state = np.full(symbols.max() + 2, -1)       # by code point; the last entry is that of all higher ones
        state[symbols] = np.arange(len(symbols))
        tokens = np.empty(len(text), dtype=np.int64)
        for start in range(0, len(text), _PIECE):
            piece = state[_code_points(text[start:start + _PIECE]).clip(max=len(state) - 1)]
            if piece.min() < 0:
                place = start + int(piece.argmin())
                raise ValueError(f"the character {text[place]!r} at position {place} is not in the alphabet of "
                                 f"{self.vocab_size} characters, {self.alphabet[:60]!r}"
                                 f"{'...' * (self.vocab_size > 60)}; was the tokenizer built from another text?")
            tokens[start:start + len(piece)] = piece
        return torch.from_numpy(tokens)

    def decode(self, tokens: Tensor) -> str | list[str]:
        """The text of states (n,), or the list of texts of a batch (batch, n); a mask is written as mask_char.

        Raises: TypeError for a tensor that is not integer, ValueError for another shape or a state outside 0..V.
        """
        check_states(tokens, self.num_states, "tokens")
        if tokens.ndim not in (1, 2):
            raise ValueError(f"tokens must have the shape (n,) or (batch, n), got {tuple(tokens.shape)}")
        if tokens.ndim == 2:
            return [self._text_of_states(row) for row in tokens]
        return self._text_of_states(tokens)

    def _text_of_states(self, row: Tensor) -> str:
        symbols = self.alphabet + self.mask_char
        return "".join(symbols[state] for state in row.tolist())


def _code_points(text: str) -> np.ndarray:
    """The numbers of the characters, uint32 (n,); half of a surrogate pair, which a str may hold, has one too."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


TextOrTokens = TypeVar("TextOrTokens", str, Tensor)


def split(text: TextOrTokens, held_out: float = 0.1) -> tuple[TextOrTokens, TextOrTokens]:
    """Cut a text, or its tokens (n,), in two: (train, held-out). The held-out part is the end; nothing is in both.

    Raises: ValueError for a share outside (0, 1), or one that leaves a part empty.
    """
    share = as_float(held_out)
    if not 0 < share < 1:
        raise ValueError(f"held_out must be a share between 0 and 1, got {held_out!r}")
    cut = len(text) - round(share * len(text))
    if not 0 < cut < len(text):
        raise ValueError(f"a text of length {len(text)} cannot be split with held_out = {held_out}: a part is empty")
    return text[:cut], text[cut:]


def sequences(tokens: Tensor, length: int) -> Tensor:
    """Cut tokens into consecutive sequences that do not overlap; the remainder at the end is left out.

    Shapes: tokens (n,), integer; returns (n // length, length).
    Raises: TypeError or ValueError where tokens are no states (n,) or fewer than one sequence.
    """
    length = _check_tokens(tokens, length)
    count = len(tokens) // length
    return tokens[:count * length].reshape(count, length)


def random_sequences(tokens: Tensor, length: int, batch_size: int, *, generator: torch.Generator | None = None,
                     device: torch.device | str | None = None) -> Tensor:
    """A batch of sequences cut at uniformly random places; they may overlap.

    Shapes: tokens (n,), integer; returns (batch_size, length) on `device`, by default that of the tokens.
    `generator` lives on the device of `tokens`.
    Raises: TypeError or ValueError where tokens are no states (n,) or fewer than one sequence.
    """
    length, batch_size = _check_tokens(tokens, length), check_int(batch_size, "batch_size")
    starts = torch.randint(len(tokens) - length + 1, (batch_size,), generator=generator, device=tokens.device)
    return tokens.unfold(0, length, 1)[starts].to(device or tokens.device)


def _check_tokens(tokens: Tensor, length: int) -> int:
    """The length as Python's int, if sequences of it can be cut from the tokens."""
    if not isinstance(tokens, Tensor) or tokens.is_floating_point() or tokens.dtype == torch.bool:
        given = f"dtype {tokens.dtype}" if isinstance(tokens, Tensor) else type(tokens).__name__
        raise TypeError(f"tokens must be an integer tensor, got {given}; tokenizer.encode(text) gives one")
    if tokens.ndim != 1:
        raise ValueError(f"tokens must have the shape (n,), got {tuple(tokens.shape)}; are they sequences already?")
    length = check_int(length, "length")
    if len(tokens) < length:
        raise ValueError(f"the text has {len(tokens)} tokens, fewer than one sequence of length {length}; "
                         "use a longer text or shorter sequences")
    return length


def load_digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's handwritten digits: images (1797, 8, 8) with levels 0..16 and labels (1797,), both int64.

    Source: UCI, "Optical Recognition of Handwritten Digits", as sklearn.datasets.load_digits.
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    return torch.from_numpy(digits.images).to(torch.int64), torch.from_numpy(digits.target).to(torch.int64)
