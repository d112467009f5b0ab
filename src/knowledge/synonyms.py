"""Words that people of the trade use for the same thing, by ``resources/synonyms.yaml``."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

from config import ROOT
from knowledge.lemmas import lemmas
from utils import load_yaml

_FILE = ROOT / "resources" / "synonyms.yaml"


def alike(lemma: str) -> frozenset[str]:
    """Return the lemmas that stand in a line with this one, itself left out. Blocking at the first call, a second."""
    return _lines_by_lemma().get(lemma, frozenset())


@cache
def _lines_by_lemma() -> Mapping[str, frozenset[str]]:
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for line in load_yaml(_FILE.read_text(encoding="utf-8")):
        words = frozenset(lemmas(line))
        for each in words:
            found[each] |= words - {each}
    return dict(found)
