"""Foreign text made safe to show, to store and to use in file names.

It is put on one line, freed of invisible characters, and cut only between characters as people see them.

What people see as one character can be several: a letter and its accent, the two letters of a flag, an emoji with a
skin tone, a family of emoji held together by joiners. Such a cluster is kept whole or left out whole. The rules are
those of Unicode's annexes 29 and 51 for emoji, marks, flags and Korean letters; other scripts' joiners are not kept.
"""

import re
import unicodedata

import texts.units

ELLIPSIS = "…"
FILE_NAME_BYTES = 255
"""NAME_MAX of Linux file systems."""
_LONGEST_EXTENSION_BYTES = 16
"""Longer text after the last dot is no extension, as in «Встреча 3. Гость говорит о сервисе»."""
_FORBIDDEN_IN_NAMES = frozenset('/\\<>:"|?*')

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
_MARKERS = str.maketrans("<>[]【】［］", "‹›()()()")

_JOINER = "\u200d"
_TAGS = "\U000e0020-\U000e007f"
_EMOJI = "\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
"""Unicode's blocks of the emoji that a joiner can join, skin tones included."""
_HELD = re.compile(
    rf"(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{{1,6}}\U000e007f"  # the flags of England, Scotland …
    rf"|(?<=[{_EMOJI}\ufe0f]){_JOINER}(?=[{_EMOJI}]))"
    rf"|[{_JOINER}{_TAGS}]"
)
"""Joiners and tags: those in the group hold an emoji together, the others could only hide something."""
_PLANE_ENDS = "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
_NO_CHARACTER = re.compile(rf"[\u2065\ufdd0-\ufdef\ufff0-\ufff8\U000e0000-\U000e0fff{_PLANE_ENDS}]")
"""Code points that no version of Unicode assigns, or assigns to invisible signs only."""
_CONTINUES = re.compile(rf"[{_JOINER}\u200c{_TAGS}\U0001f3fb-\U0001f3ff\u1160-\u11ff\uff9e\uff9f]")
"""Characters that, like marks, belong to the character before: skin tones, vowels and ends of Korean syllables, …"""
_FLAG_LETTERS = re.compile(r"[\U0001f1e6-\U0001f1ff]+\Z")


def one_line(text: str) -> str:
    """Return the text on one line with single blanks, without signs that are invisible or change its direction.

    Joined emoji stay whole. Characters of a later Unicode than the interpreter's stay, too.
    """
    if not text.isprintable():
        text = _HELD.sub(r"\1", "".join(map(_visible, text)))
    return " ".join(text.split())


def printable(text: str) -> str:
    """Return the text without control characters, which XML, and so DOCX, forbids; line breaks and tabs stay.

    Signs that change the direction of what follows them go, too.
    """
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def as_data(text: str) -> str:
    """Return the text on one line, with look-alikes for ``<>[]``: these make a prompt's markers, tags and times.

    The square brackets of other scripts are replaced, too: some models write citations in them.
    """
    return one_line(text).translate(_MARKERS)


def storable(text: str) -> str:
    """Return the text without what PostgreSQL does not store: NUL, and half a surrogate pair, which becomes «?»."""
    return text.replace("\0", "").encode(errors="replace").decode()


def folded(text: str) -> str:
    """Return the text in the form in which texts are compared: NFKC, without case, «ё» as «е»."""
    return unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")


def cut(text: str, longest: int) -> str:
    """Return the text, or its beginning up to a whole cluster: at most ``longest`` code points."""
    end = longest
    while 0 < end < len(text) and _inside_cluster(text, end):
        end -= 1
    return text[:end]


def shortened(text: str, longest: int) -> str:
    """Return the text, or its beginning with «…»: at most ``longest`` code points in all."""
    return text if len(text) <= longest else cut(text, longest - len(ELLIPSIS)).rstrip() + ELLIPSIS


def preview(text: str, longest: int) -> str:
    """Return the text without blanks around it, or its beginning with «…»: at most ``longest`` code points in all.

    The text is cut between words where that is possible.
    """
    text = text.strip()
    if len(text) <= longest:
        return text
    head = text[: longest - len(ELLIPSIS) + 1]
    # A word that is longer than the whole room is cut inside.
    space = max(head.rfind(space) for space in (" ", "\n"))
    return text[:space].rstrip() + ELLIPSIS if space > 0 else shortened(text, longest)


def safe_file_name(name: str) -> str:
    """Turn any text into a name that every file system takes: one path part, at most 255 bytes, extension kept.

    A name that is safe already comes back unchanged.
    """
    # Composed only now: a letter and its accent may have had an invisible character between them.
    spaced = unicodedata.normalize("NFC", one_line(name))
    cleaned = "".join("_" if character in _FORBIDDEN_IN_NAMES else character for character in spaced)
    # Windows drops dots and spaces at the end; a dot in front hides the file.
    cleaned = cleaned.strip(". ")
    stem, dot, extension = cleaned.rpartition(".")
    if not dot or len(extension.encode()) > _LONGEST_EXTENSION_BYTES or " " in extension:
        stem, dot, extension = cleaned, "", ""
    room = FILE_NAME_BYTES - len(dot) - len(extension.encode())
    fitting = len(stem.encode()[:room].decode(errors="ignore"))
    stem = cut(stem, fitting).rstrip(". ")
    return f"{stem or texts.units.UNNAMED_FILE}{dot}{extension}"


def _visible(character: str) -> str:
    """Return the character, a blank for one that moves the cursor, nothing for one that nobody sees.

    Joiners and tags are left to ``_HELD``.
    """
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    hidden = category in {"Cf", "Cs", "Co"} or (category == "Cn" and _NO_CHARACTER.match(character))
    return "" if hidden and not _HELD.match(character) else character


def _inside_cluster(text: str, position: int) -> bool:
    """Tell whether the characters on both sides of ``position`` are of one cluster."""
    before, after = text[position - 1], text[position]
    if before == _JOINER or unicodedata.category(after).startswith("M") or _CONTINUES.match(after):
        return True
    if before == "\r" and after == "\n":
        return True
    letters = _FLAG_LETTERS.search(text, 0, position) if _FLAG_LETTERS.match(after) else None
    # Flags are pairs from the left.
    return letters is not None and len(letters[0]) % 2 == 1
