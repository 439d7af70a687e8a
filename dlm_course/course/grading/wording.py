"""Text of students for people's eyes: what cannot be seen is spelled out, numbers are short."""

import re
import unicodedata

# Kept although they are invisible: the joiners of emoji and of several scripts, the marks that choose an emoji's form.
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"


def printable(text: str, keep: str = "") -> str:
    r"""The text with control, formatting, surrogate, private and unassigned characters spelled out: "\x1b", "\u202e".

    So a name cannot turn the direction of what follows it, and a source shows what it holds. `keep` names the control
    characters that stay, "\n\t" in a source.
    """
    return "".join(character if character in keep or character in _JOINERS or _is_visible(character)
                   else character.encode("unicode_escape", "surrogatepass").decode("ascii") for character in text)


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] != "C" and character not in "\u2028\u2029"


def without_blank_runs(source: str) -> str:
    """The source, lines of nothing but blanks made empty: Pygments takes for ever over many of them."""
    return re.sub(r"(?m)^[ \t\f\v]+$", "", source)


def one_line(text: str, limit: int = 400) -> str:
    """The text in one printable line; what is longer than `limit` characters ends with "…"."""
    line = printable(re.sub(r"[ \t\r\n\f\v]+", " ", text[:10 * limit]).strip())
    return line if len(line) <= limit else f"{line[:limit - 1]}…"


def number(value: float) -> str:
    """A number of points as people write it: 2, 1.5, 0.33."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
