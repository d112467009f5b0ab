"""A text cut at sentences: to a length, and into pieces that an engine says at once."""

import re

_SENTENCE = re.compile(r"[^\n]*?(?:[.!?…]+[»”\")]*(?=\s|$)|\n|$)\s*")
_CLAUSE = re.compile(r".*[,;:)\s]", re.DOTALL)
_LEAST_SHARE = 0.4
"""The shortest beginning, as a share of what fits, at which a sentence that is too long is cut at a comma or blank."""


def beginning(text: str, longest: int) -> str:
    """Return the text, or as many of its first sentences as ``longest`` characters hold, but not less than one."""
    text = text.strip()
    if len(text) <= longest:
        return text
    return pieces(text, longest)[0]


def pieces(text: str, longest: int) -> list[str]:
    """Return the text in pieces of at most ``longest`` characters, cut between sentences where that is possible.

    Nothing is lost but blanks between pieces; a text without words has no pieces.
    """
    found: list[str] = []
    for sentence in _SENTENCE.findall(text.strip()):
        for part in _parts(sentence, longest):
            if found and len(found[-1]) + len(part.rstrip()) <= longest:
                found[-1] += part
            else:
                found.append(part)
    return [piece.strip() for piece in found if any(map(str.isalnum, piece))]


def _parts(sentence: str, longest: int) -> list[str]:
    """Cut a sentence that is too long at its commas, else at blanks, else anywhere."""
    parts = []
    while len(sentence.rstrip()) > longest:
        clause = _CLAUSE.match(sentence[:longest])
        end = clause.end() if clause and clause.end() >= longest * _LEAST_SHARE else longest
        parts.append(sentence[:end])
        sentence = sentence[end:]
    return [*parts, sentence] if sentence else parts
