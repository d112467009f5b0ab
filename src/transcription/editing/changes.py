"""What an edit makes of a transcript. Pure functions; what people typed is checked here.

Where one voice has several roles, as a conversation heard as one voice has, each role is a speaker of its own.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

import texts.editing
from constants import LONGEST_SPEAKER_NAME, LONGEST_TURN_TEXT, PARAGRAPH_CHARACTERS, PARAGRAPH_PAUSE_S
from datamodels import Segment, Transcript
from errors import BadText, NotFound
from text_cleaning import folded, one_line, storable
from transcription.editing.values import NEW_SPEAKER, Found, Revision, Search, Speaker, Turn
from transcription.editing.words import shared_out, with_text

_TIME = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d)", re.ASCII)
_ARROW = re.compile(r"\s*(?:→|⇒|[-=—–]+>)\s*")
_LIKE_ARROWS = re.compile(r"\s*[>=]\s*|\s+[-—–]+\s+|\s+на\s+", re.IGNORECASE)
"""What people put in the place of an arrow, and what may as well belong to the words."""
_TELLING_S, _LONGEST_VOICE_S = 4.0, 15.0
"""Seconds by which a voice is known, and of it that are listened to."""


def by_speaker(transcript: Transcript) -> Transcript:
    """Return the transcript with one role for each speaker; further roles of a voice get numbers of their own."""
    ids: dict[tuple[str | None, str | None], str] = {}
    roles: dict[str, set[str | None]] = {}
    for each in transcript.segments:
        roles.setdefault(each.speaker or "", set()).add(each.role)
    if all(len(each) < 2 for each in roles.values()):
        return transcript
    taken = set(roles)
    segments = []
    for each in transcript.segments:
        key = (each.speaker, each.role)
        if key not in ids:
            known = any(speaker == each.speaker for speaker, _ in ids)
            ids[key] = _free(taken) if known or not each.speaker else each.speaker
            taken.add(ids[key])
        segments.append(each.model_copy(update={"speaker": ids[key]}))
    return transcript.model_copy(update={"segments": tuple(segments)})


def speakers_of(transcript: Transcript) -> list[Speaker]:
    """Return the speakers of a transcript that ``by_speaker`` returned, by their first words."""
    said: dict[str, list[int]] = {}
    for position, each in enumerate(transcript.segments):
        if each.speaker and each.text:
            said.setdefault(each.speaker, []).append(position)
    turns = Counter(turn.speaker for turn in turns_of(transcript))
    return [
        Speaker(
            id=speaker,
            name=transcript.names.get(speaker),
            role=_role(transcript, speaker),
            seconds=sum(_length(transcript.segments[position]) for position in positions),
            turns=turns[speaker],
            longest=max(positions, key=lambda position: _length(transcript.segments[position])),
        )
        for speaker, positions in said.items()
    ]


def turns_of(transcript: Transcript) -> list[Turn]:
    """Return the turns: neighbouring segments of one speaker that have words, in the pieces in which people read them.

    A piece ends before a pause of ``PARAGRAPH_PAUSE_S`` and after about ``PARAGRAPH_CHARACTERS``.
    """
    turns: list[Turn] = []
    for position, each in enumerate(transcript.segments):
        text = one_line(each.text)
        last = turns[-1] if turns else None
        if not text:
            continue
        follows = last and last.speaker == each.speaker and each.start - last.end <= PARAGRAPH_PAUSE_S
        if last and follows and len(last.text) + len(text) < PARAGRAPH_CHARACTERS:
            update = {"last": position, "end": max(last.end, each.end), "text": f"{last.text} {text}"}
            turns[-1] = last.model_copy(update=update)
        else:
            new = Turn(first=position, last=position, speaker=each.speaker, start=each.start, end=each.end, text=text)
            turns.append(new)
    return turns


def found_turn(transcript: Transcript, typed: str) -> Turn | None:
    """Return the turn at a time (12:41, 1:02:03), else the first that has the words; None without one."""
    turns = turns_of(transcript)
    if (moment := seconds_of(typed)) is not None:
        return next((turn for turn in reversed(turns) if int(turn.start) <= moment), None)
    wanted = folded(one_line(typed))
    return next((turn for turn in turns if wanted and wanted in folded(turn.text)), None)


def seconds_of(typed: str) -> int | None:
    """Return the seconds of a time as people read it (12:41, 1:02:03); None for other text."""
    match = _TIME.fullmatch(typed.strip())
    if match is None:
        return None
    hours, minutes, seconds = (int(each or 0) for each in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def mark_of(text: str) -> str:
    """Return a short hash by which a text is known again."""
    return sha256(one_line(storable(text)).encode()).hexdigest()[:16]


def correction_in(transcript: Transcript, typed: str) -> tuple[str, str] | None:
    """Return what is wrong and how it should be, of «было → стало»; None for text that names one thing.

    Any other sign, «—», «=» or «на», parts them only after words that the transcript has.
    """
    line = one_line(typed)
    wrong, *right = _ARROW.split(line, maxsplit=1)
    if right:
        return wrong, right[0]
    parted = ((line[: match.start()], line[match.end() :]) for match in _LIKE_ARROWS.finditer(line))
    return next((each for each in parted if found(transcript, Search(wanted=each[0]))), None)


def voice_of(transcript: Transcript, speaker: Speaker) -> tuple[float, float]:
    """Return where to hear a speaker, in seconds: the first piece that is long enough, else the longest."""
    own = [each for each in transcript.segments if each.speaker == speaker.id and each.text]
    chosen = next((each for each in own if _length(each) >= _TELLING_S), transcript.segments[speaker.longest])
    return chosen.start, min(chosen.end, chosen.start + _LONGEST_VOICE_S)


def named(transcript: Transcript, speaker: str, name: str) -> Revision:
    """Give a speaker a name; "" takes it away.

    Raises:
        NotFound: there is no such speaker.
        BadText: the name is too long, or another speaker has it.
    """
    _known(transcript, speaker)
    name = one_line(storable(name))
    if len(name) > LONGEST_SPEAKER_NAME:
        raise BadText(reason=texts.editing.NAME_TOO_LONG.format(most=LONGEST_SPEAKER_NAME))
    others = {other: each for other, each in transcript.names.items() if other != speaker}
    if name and name.casefold() in map(str.casefold, others.values()):
        raise BadText(reason=texts.editing.NAME_TAKEN.format(name=name))
    unnamed_in_reports = all(each.role for each in transcript.segments if each.speaker == speaker)
    return Revision({}, {**others, speaker: name} if name else others, is_reported=not unnamed_in_reports)


def with_role(transcript: Transcript, speaker: str, role: str | None, allowed: Collection[str]) -> Revision:
    """Give all that a speaker says the role, a label of the recording's scenario; None for no role.

    Raises:
        NotFound: there is no such speaker, or ``allowed`` does not have the role.
    """
    _known(transcript, speaker)
    if role is not None and role not in allowed:
        raise NotFound(what=f"role {role}")
    return Revision(_updated(transcript, speaker, {"role": role}))


def merged(transcript: Transcript, speaker: str, into: str) -> Revision:
    """Give everything that ``speaker`` says to ``into``, who keeps role and name, else takes over the other's name.

    Raises:
        NotFound: one of them is no speaker, or they are the same.
    """
    _known(transcript, speaker, into)
    if speaker == into:
        raise NotFound(what=f"another speaker than {speaker}")
    update = {"speaker": into, "role": _role(transcript, into)}
    names = {each: name for each, name in transcript.names.items() if each != speaker}
    if into not in names and speaker in transcript.names:
        names[into] = transcript.names[speaker]
    return Revision(_updated(transcript, speaker, update), names)


def moved(transcript: Transcript, positions: Collection[int], speaker: str) -> Revision:
    """Give the segments at ``positions`` to a speaker, or to a new one without role and name.

    Raises:
        NotFound: there is no such speaker or segment.
    """
    if not positions or not all(0 <= position < len(transcript.segments) for position in positions):
        raise NotFound(what="segments")
    if speaker == NEW_SPEAKER:
        update: dict[str, str | None] = {"speaker": _free({each.speaker or "" for each in transcript.segments})}
        update["role"] = None
    else:
        _known(transcript, speaker)
        update = {"speaker": speaker, "role": _role(transcript, speaker)}
    chosen = {position: transcript.segments[position] for position in positions}
    changed = {position: each.model_copy(update=update) for position, each in chosen.items()}
    return Revision({position: each for position, each in changed.items() if each != chosen[position]})


def with_texts(transcript: Transcript, said: Mapping[int, str]) -> Revision:
    """Replace the texts of segments by position; "" where nothing was said.

    Raises:
        NotFound: there is no such segment.
        BadText: a text is too long.
    """
    return with_texts_of(dict(enumerate(transcript.segments)), said)


def with_texts_of(segments: Mapping[int, Segment], said: Mapping[int, str]) -> Revision:
    """Do what ``with_texts`` does, for a transcript of which only some segments are known, by position."""
    if said.keys() - segments.keys():
        raise NotFound(what="segment")
    clean = {position: one_line(storable(text)) for position, text in said.items()}
    if any(len(text) > LONGEST_TURN_TEXT for text in clean.values()):
        raise BadText(reason=texts.editing.TEXT_TOO_LONG.format(most=LONGEST_TURN_TEXT))
    others = {position: text for position, text in clean.items() if text != segments[position].text}
    return Revision({position: with_text(segments[position], text) for position, text in others.items()})


def with_turn(transcript: Transcript, first: int, last: int, text: str, mark: str = "") -> Revision:
    """Replace what is said in the segments from ``first`` to ``last``, both included, by one text.

    Raises:
        NotFound: there are no such segments.
        BadText: the text is too long, or what is there is not of the ``mark``.
    """
    if not 0 <= first <= last < len(transcript.segments):
        raise NotFound(what="segments")
    said = [each.text for each in transcript.segments[first : last + 1]]
    if mark and mark_of(" ".join(said)) != mark:
        raise BadText(reason=texts.editing.TURN_CHANGED)
    return with_texts(transcript, dict(enumerate(shared_out(said, one_line(storable(text))), first)))


def found(transcript: Transcript, search: Search) -> list[Found]:
    """Return where the searched words stand, segment by segment; none for blank text."""
    pattern = _pattern(search)
    if pattern is None:
        return []
    hits = []
    for position, each in enumerate(transcript.segments):
        places = tuple(match.span() for match in pattern.finditer(each.text))
        if places:
            hits.append(Found(position=position, start=each.start, text=each.text, places=places))
    return hits


def replaced(
    transcript: Transcript, search: Search, replacement: str, positions: Collection[int] | None = None
) -> Revision:
    """Put ``replacement`` in the place of what is searched, everywhere or in the segments at ``positions``.

    Raises:
        BadText: the replacement is too long.
    """
    pattern, new = _pattern(search), one_line(storable(replacement))
    said = {
        each.position: " ".join(pattern.sub(lambda _: new, each.text).split())
        for each in found(transcript, search)
        if pattern is not None and (positions is None or each.position in positions)
    }
    return with_texts(transcript, said)


def changed_from(before: Sequence[Segment], revision: Revision, after: Sequence[Segment]) -> dict[int, Segment]:
    """Return all segments that differ from ``before`` when ``revision`` is put upon ``after``."""
    final = [revision.segments.get(position, each) for position, each in enumerate(after)]
    return {position: each for position, each in enumerate(final) if each != before[position]}


def _pattern(search: Search) -> re.Pattern[str] | None:
    words = one_line(search.wanted).split()
    if not words:
        return None
    spelled = r"\s+".join(re.sub("[еёЕЁ]", lambda match: _yo(match[0]), re.escape(word)) for word in words)
    if search.whole_words:
        spelled = rf"(?<!\w){spelled}(?!\w)"
    return re.compile(spelled, re.NOFLAG if search.match_case else re.IGNORECASE)


def _yo(letter: str) -> str:
    return "[её]" if letter in "её" else "[ЕЁ]"


def _updated(transcript: Transcript, speaker: str, update: Mapping[str, str | None]) -> dict[int, Segment]:
    return {
        position: new
        for position, each in enumerate(transcript.segments)
        if each.speaker == speaker and (new := each.model_copy(update=update)) != each
    }


def _known(transcript: Transcript, *speakers: str) -> None:
    there = {each.speaker for each in transcript.segments}
    for speaker in speakers:
        if speaker not in there:
            raise NotFound(what=f"speaker {speaker}")


def _role(transcript: Transcript, speaker: str) -> str | None:
    return next((each.role for each in transcript.segments if each.speaker == speaker), None)


def _length(segment: Segment) -> float:
    return segment.end - segment.start


def _free(taken: Collection[str]) -> str:
    number = 1
    while f"S{number}" in taken:
        number += 1
    return f"S{number}"
