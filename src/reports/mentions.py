"""Which factors of a taxonomy were perhaps spoken of: words that tell them from the others occur in the recording."""

from collections import Counter
from collections.abc import Sequence

from chats.tokens import Part, tokens_of
from datamodels import Transcript
from prompt_pack.models import Factor

_TELLING = 2
"""A word that more factors have, such as «номер» or «качество», tells none of them from the others."""


def perhaps_mentioned(factors: Sequence[Factor], missing: Sequence[Factor], transcript: Transcript) -> frozenset[str]:
    """Return the ids of those ``missing`` factors of which a noun was said, in any form and by anybody. Blocking.

    The nouns are those of label and hint that at most ``_TELLING`` of all ``factors`` have.
    """
    words = {factor.id: _nouns(f"{factor.label}. {factor.hint or ''}") for factor in factors}
    shared = Counter(lemma for lemmas in words.values() for lemma in lemmas)
    said = frozenset[str]().union(*(_nouns(segment.text) for segment in transcript.segments))
    return frozenset(
        factor.id for factor in missing if any(shared[lemma] <= _TELLING for lemma in words[factor.id] & said)
    )


def _nouns(text: str) -> frozenset[str]:
    return frozenset[str]().union(*(token.lemmas for token in tokens_of(text) if token.part is Part.NOUN))
