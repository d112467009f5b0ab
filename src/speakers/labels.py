"""Speakers and roles of a transcript. Labels are added; the words stay as they were heard."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby

from datamodels import Segment, Value
from errors import WordsChanged
from prompt_pack.manifest import ScenarioRole
from prompt_pack.models import PromptedModel
from speakers.diarization import Turn
from speakers.roles import NamedRoles, roles_by_rule, roles_of_utterances, roles_of_voices
from texts.transcript import labelled, speaker_label, without_label

ONLY_SPEAKER = "S1"


class RoleNaming(Value):
    """The segments with their roles, and the warnings about how these were found."""

    segments: tuple[Segment, ...]
    warnings: tuple[str, ...] = ()


def assign_speakers(segments: Sequence[Segment], turns: Sequence[Turn]) -> tuple[Segment, ...]:
    """Give every segment its speaker, S1, S2, … by first appearance; without turns all are S1.

    Where the times of words are known, a segment is split at a change of speaker: a word belongs to the turn over its
    middle, or the nearest one. Otherwise the whole segment goes to the speaker who talks longest in it.
    The words and their order stay the same; only blanks may change.
    """
    ordered = sorted(turns, key=lambda turn: turn.start)
    return speakers_in_order([piece for segment in segments for piece in _split(segment, ordered)])


def speakers_in_order(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the segments with their speakers named S1, S2, … by first appearance."""
    names: dict[str, str] = {}
    for each in segments:
        names.setdefault(each.speaker or ONLY_SPEAKER, f"S{len(names) + 1}")
    return tuple(each.model_copy(update={"speaker": names[each.speaker or ONLY_SPEAKER]}) for each in segments)


async def name_roles(
    segments: Sequence[Segment], roles: Sequence[ScenarioRole], model: PromptedModel | None
) -> RoleNaming:
    """Name the role of every speaker: by the language model, else by the rule of who asks questions.

    When there is a single voice but several roles, the model is asked about each utterance. A speaker whom no role
    fits has the role None. The variables of the model's prompt are ``roles`` and ``speakers``.

    Raises:
        WordsChanged: the labelled text without its labels is not the original; nothing of it may be stored.
    """
    voices = list(dict.fromkeys(segment.speaker for segment in segments if segment.speaker))
    if not segments or not roles:
        return RoleNaming(segments=tuple(segments))
    if len(voices) < 2 and len(roles) > 1:
        named = await roles_of_utterances(segments, roles, model)
    elif model is None:
        named = roles_by_rule(segments, roles)
    else:
        named = await roles_of_voices(segments, roles, model)
    return RoleNaming(segments=_with_roles(segments, roles, named), warnings=named.warnings)


def labelled_text(segments: Sequence[Segment]) -> str:
    """Return a line per segment, «[Клиент:] Нам понравилась тишина.»; line breaks inside a segment become blanks."""
    return "\n".join(
        labelled(speaker_label(segment.role, segment.speaker), " ".join(segment.text.split())) for segment in segments
    )


def text_without_labels(text: str) -> str:
    """Remove the label of every line of ``labelled_text`` and join the lines with blanks."""
    return " ".join(without_label(line) for line in text.split("\n"))


def _with_roles(segments: Sequence[Segment], roles: Sequence[ScenarioRole], named: NamedRoles) -> tuple[Segment, ...]:
    labels = {role.id: role.label for role in roles}
    result = tuple(
        segment.model_copy(update={"role": labels.get(named.by_position.get(position, ""))})
        for position, segment in enumerate(segments)
    )
    original = " ".join(" ".join(segment.text.split()) for segment in segments)
    if all(segment.speaker for segment in segments) and text_without_labels(labelled_text(result)) != original:
        raise WordsChanged
    return result


def _split(segment: Segment, turns: Sequence[Turn]) -> list[Segment]:
    if not turns:
        return [segment.model_copy(update={"speaker": ONLY_SPEAKER})]
    offsets = _word_offsets(segment)
    if not segment.words or offsets is None:
        return [segment.model_copy(update={"speaker": _majority(segment, turns)})]
    speakers: list[str] = []
    for word, offset in zip(segment.words, offsets, strict=True):
        glued = bool(speakers) and not segment.text[offset - 1].isspace()
        speakers.append(speakers[-1] if glued else _speaker_at(turns, (word.start + word.end) / 2))
    runs = [list(run) for _, run in groupby(range(len(speakers)), key=speakers.__getitem__)]
    if len(runs) == 1:
        return [segment.model_copy(update={"speaker": speakers[0]})]
    cuts = [0, *(offsets[run[0]] for run in runs[1:]), len(segment.text)]
    pieces = []
    for position, run in enumerate(runs):
        words = segment.words[run[0] : run[-1] + 1]
        update = {
            "text": segment.text[cuts[position] : cuts[position + 1]].strip(),
            "speaker": speakers[run[0]],
            "start": segment.start if position == 0 else words[0].start,
            "end": segment.end if position == len(runs) - 1 else words[-1].end,
            "words": words,
        }
        pieces.append(segment.model_copy(update=update))
    return pieces


def _word_offsets(segment: Segment) -> list[int] | None:
    """Return where each word begins in the text; None when text and words do not agree."""
    offsets: list[int] = []
    position = 0
    for word in segment.words or ():
        spelled = word.text.strip()
        found = segment.text.find(spelled, position) if spelled else -1
        # Skipping letters would give one word's place to another.
        if found < 0 or any(letter.isalnum() for letter in segment.text[position:found]):
            return None
        offsets.append(found)
        position = found + len(spelled)
    return offsets if offsets and not any(letter.isalnum() for letter in segment.text[position:]) else None


def _speaker_at(turns: Sequence[Turn], moment: float) -> str:
    after = bisect_right(turns, moment, key=lambda turn: turn.start)
    near = turns[max(0, after - 2) : after + 1]
    return min(near, key=lambda turn: max(turn.start - moment, moment - turn.end, 0.0)).speaker


def _majority(segment: Segment, turns: Sequence[Turn]) -> str:
    heard: dict[str, float] = {}
    for turn in turns:
        common = min(turn.end, segment.end) - max(turn.start, segment.start)
        if common > 0:
            heard[turn.speaker] = heard.get(turn.speaker, 0.0) + common
    if heard:
        return max(heard, key=heard.__getitem__)
    return _speaker_at(turns, (segment.start + segment.end) / 2)
