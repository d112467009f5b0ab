"""How many tokens a text has for a model: exact where its vocabulary is known, else an estimate that learns."""

import math
import re
from functools import cache

import bpe_openai

FOREIGN_MARGIN = 1.05
"""Factor on a count by cl100k that takes each digit for a token, used for models with other vocabularies. It is above 1
because not all of these were measured. Qwen2.5 takes 0.74 to 0.97 of that count for Russian and English texts,
transcripts and JSON, and at most 1.00 for any line of them."""

PIECE_CHARS = 50_000
"""Characters counted at once: bpe-openai takes 200,000 tokens at most, and a character has up to four bytes, each of
them a token at worst."""

_VOCABULARIES = (
    (re.compile(r"(?:openai/)?(?:gpt-4o|gpt-4\.1|gpt-4\.5|gpt-[5-9]|gpt-oss|chatgpt-4o|o[1-9])"), "o200k_base"),
    (re.compile(r"(?:openai/)?(?:gpt-4|gpt-3\.5)"), "cl100k_base"),
)
"""By https://github.com/openai/tiktoken/blob/main/tiktoken/model.py; the first that matches counts."""

_TELLING_TOKENS = 300
"""The shortest prompt whose reported tokens tell something: in shorter ones a chat template counts for too much."""
_NEEDED = 5
"""Prompts after which their ratios are taken for the model's."""
_SCALE_STEP = 10
"""The scale goes in tenths: windows are cut by it, and should not move with every prompt."""
_SEEN_MARGIN = 1.05
_LOWEST_RATIO = 0.4
"""The least share of the estimate that any vocabulary takes for Russian; those that know Russian best take half."""
_SURE_SHARE = 0.8


class Vocabulary:
    """Counts tokens for ``model``. ``scale`` is what an earlier process learned of an unlisted vocabulary."""

    def __init__(self, model: str, scale: float = 1.0) -> None:
        self.is_exact = _encoding(model) is not None
        self._model = model
        self._scale = 1.0 if self.is_exact else scale
        self._ratios: list[float] = []

    def count(self, text: str) -> int:
        """Count the tokens of ``text``: exactly, apart from the seams of a long text, or never too few. Blocking."""
        return self.scaled(self.estimate(text))

    def estimate(self, text: str) -> int:
        """Count the tokens of ``text`` without what was learned. Blocking."""
        return count_tokens(self._model, text)

    def scaled(self, estimated: int) -> int:
        return math.ceil(estimated * self._scale)

    def learn(self, estimated: int, reported: int) -> float | None:
        """Note what the endpoint reports of a prompt that it has surely read as a whole.

        Returns:
            The scale for later processes, once enough is known. When prompts turn out to be longer than the present
            scale says it counts at once.
        """
        if self.is_exact or estimated < _TELLING_TOKENS:
            return None
        self._ratios = [*self._ratios[-99:], reported / estimated]
        needed = min(1.0, math.ceil(max(self._ratios) * _SEEN_MARGIN * _SCALE_STEP) / _SCALE_STEP)
        self._scale = max(self._scale, needed)
        return needed if len(self._ratios) >= _NEEDED else None

    def is_cut(self, estimated: int, reported: int) -> bool:
        """Tell whether a prompt was longer than the ``reported`` tokens that the endpoint says it has read."""
        if estimated < _TELLING_TOKENS:
            return False
        seen = min(self._ratios) * _SURE_SHARE if len(self._ratios) >= _NEEDED // 2 else _LOWEST_RATIO
        return reported < estimated * (_SURE_SHARE if self.is_exact else seen)


def count_tokens(model: str, text: str) -> int:
    """Count the tokens of ``text``, never too few; for Russian in an unknown vocabulary, about a quarter too many."""
    encoding = _encoding(model)
    pieces = [text[start : start + PIECE_CHARS] for start in range(0, len(text), PIECE_CHARS)]
    if encoding is not None:
        return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)
    foreign = _named("cl100k_base")
    counted = 0
    for piece in pieces:
        # Vocabularies differ most in how many digits make a token; a token for each digit is the worst case.
        digits = sum(map(str.isdigit, piece))
        letters = "".join("x" if character.isdigit() else character for character in piece) if digits else piece
        counted += len(foreign.encode_ordinary(letters)) + digits
    return min(len(text.encode()), math.ceil(counted * FOREIGN_MARGIN))


@cache
def _named(name: str) -> bpe_openai.Encoding:
    # The library builds its tables anew at each call.
    return bpe_openai.get_encoding(name)


def _encoding(model: str) -> bpe_openai.Encoding | None:
    """Return the vocabulary of a hosted OpenAI model; None for every other model."""
    # Not by the library's list of models, which has neither dated names nor those of the last two years.
    name = next((name for names, name in _VOCABULARIES if names.match(model.lower())), None)
    return None if name is None else _named(name)
