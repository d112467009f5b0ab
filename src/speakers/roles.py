"""The roles of speakers: the language model names them window by window, or a rule infers them from who asks questions.

The model cannot change a word: it answers with labels and role ids, and code puts these on the segments.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import texts.transcript
from datamodels import PromptMessage, Segment
from errors import ProviderError, ProviderInvalidAnswer
from language_model.port import QUESTION_TOKENS, LanguageModel
from prompt_pack.manifest import ScenarioRole
from prompt_pack.models import PromptedModel
from prompt_pack.templates import Schema
from text_cleaning import as_data

ROLES_STEP = "roles"
LINES_IN_WINDOW = 40
"""The most utterances in one question when voices could not be told apart: with more, small models lose count."""

ANSWER_TOKENS = 64
ANSWER_TOKENS_A_LABEL = 32

SMALLEST_WINDOW_TOKENS = 64
SAFETY = 0.9
"""Factor by which windows are made shorter: a window may have more tokens per character than the whole text."""

_WORD = re.compile(r"\w+")
_ASKING = re.compile(
    r"\?|\b(?:расскажите|скажите|подскажите|опишите|поделитесь|уточните|оцените|вспомните|объясните"
    r"|почему|зачем|как вы|что вы|что для вас|что вам|какие|какой|какая|насколько|могли бы вы"
    r"|tell me|could you|what|why|how)\b",
    re.IGNORECASE,
)
PRIOR_WORDS = 50
"""Added to each speaker's number of words, by which the number of questions is divided. Without it, whoever says only
«Да?» would be the interviewer."""


@dataclass(frozen=True)
class NamedRoles:
    """Role ids by position of the segment; a position that is absent has no role."""

    by_position: Mapping[int, str]
    warnings: tuple[str, ...] = ()


@dataclass
class _Votes:
    """Votes over all windows: ``words`` has, by label and role, the number of words that vote for the role.

    The role None stands for «no role». ``failed`` of the ``windows`` gave no vote; ``problem`` is the reason that
    people read when there is no vote at all.
    """

    words: dict[str, dict[str | None, int]] = field(default_factory=dict)
    windows: int = 0
    failed: int = 0
    problem: str = texts.transcript.REASON_NO_ANSWER

    def winner(self, label: str) -> str | None:
        counted = self.words.get(label)
        return max(counted, key=counted.__getitem__) if counted else None


@dataclass(frozen=True)
class _Line:
    label: str
    text: str

    @property
    def words(self) -> int:
        return len(_WORD.findall(self.text))


async def roles_of_voices(
    segments: Sequence[Segment], roles: Sequence[ScenarioRole], model: PromptedModel
) -> NamedRoles:
    """Ask the model, window by window, which role each voice has.

    The answer about a voice in a window has as many votes as the voice has words there. When the model names no role,
    or one and the same for all of several voices, ``roles_by_rule`` decides.
    """
    lines = [_Line(segment.speaker or "", as_data(segment.text)) for segment in segments]
    speakers = sorted({line.label for line in lines if line.label})
    votes = await _ask(lines, roles, model, texts.transcript.SPEAKER_LINE, speakers=speakers)
    chosen = {speaker: votes.winner(speaker) for speaker in speakers}
    named = {role for role in chosen.values() if role is not None}
    if not named or (len(named) == 1 and len(speakers) > 1 and len(roles) > 1 and None not in chosen.values()):
        reason = texts.transcript.REASON_SAME_ROLE if named else votes.problem
        return NamedRoles(
            roles_by_rule(segments, roles).by_position, (texts.transcript.ROLES_MODEL_FAILED.format(reason=reason),)
        )
    by_position = {
        position: role for position, segment in enumerate(segments) if (role := chosen.get(segment.speaker or ""))
    }
    return NamedRoles(by_position, _incomplete(votes))


async def roles_of_utterances(
    segments: Sequence[Segment], roles: Sequence[ScenarioRole], model: PromptedModel | None
) -> NamedRoles:
    """Ask the model for the role of each utterance, where voices could not be told apart.

    No role is given without a model, without an answer, or when all of several utterances would get the same role.
    """
    if model is None:
        return NamedRoles({}, (texts.transcript.ROLES_UNNAMED_ONE_VOICE,))
    lines = [_Line(str(number), as_data(segment.text)) for number, segment in enumerate(segments, start=1)]
    votes = await _ask(lines, roles, model, texts.transcript.NUMBERED_LINE, speakers=())
    by_position = {position: role for position, line in enumerate(lines) if (role := votes.winner(line.label))}
    # One role for everything tells nothing; small models answer so when they do not understand the question.
    if not by_position or (len(lines) > 1 and len(set(by_position.values())) == 1):
        return NamedRoles({}, (texts.transcript.ROLES_UNNAMED_ONE_VOICE,))
    return NamedRoles(by_position, (texts.transcript.ROLES_ONE_VOICE, *_incomplete(votes)))


def roles_by_rule(segments: Sequence[Segment], roles: Sequence[ScenarioRole]) -> NamedRoles:
    """Give the first role to the speaker who asks the most questions for each word said.

    The other speakers get the second role when there are just two roles, else none.
    """
    asked: dict[str, int] = {}
    said: dict[str, int] = {}
    for segment in segments:
        speaker = segment.speaker or ""
        asked[speaker] = asked.get(speaker, 0) + len(_ASKING.findall(segment.text))
        said[speaker] = said.get(speaker, 0) + len(_WORD.findall(segment.text))
    # A dict keeps the order of appearance: of two who ask alike the one who began is the interviewer.
    interviewer = max(asked, key=lambda speaker: asked[speaker] / (said[speaker] + PRIOR_WORDS))
    others = roles[1].id if len(roles) == 2 else None
    by_position = {}
    for position, segment in enumerate(segments):
        role = roles[0].id if (segment.speaker or "") == interviewer else others
        if role is not None:
            by_position[position] = role
    return NamedRoles(by_position, (texts.transcript.ROLES_BY_RULE,))


async def _ask(
    lines: Sequence[_Line],
    roles: Sequence[ScenarioRole],
    model: PromptedModel,
    pattern: str,
    *,
    speakers: Sequence[str],
) -> _Votes:
    """Ask the model, window by window, for the roles of ``speakers`` or, when that is empty, of each numbered line."""
    votes = _Votes()
    prompt = model.prompt.render({"roles": roles, "speakers": speakers})
    labels_at_once = len(speakers) or LINES_IN_WINDOW
    answer_tokens = min(ANSWER_TOKENS + ANSWER_TOKENS_A_LABEL * labels_at_once, model.llm.max_output_tokens)
    # Some endpoints get the schema as text; in it stand all labels.
    around = await model.llm.count_tokens(f"{prompt}{texts.transcript.TRANSCRIPT_AS_DATA}{dict(model.schema)}")
    budget = model.llm.context_tokens - answer_tokens - around - QUESTION_TOKENS
    if budget < SMALLEST_WINDOW_TOKENS:
        votes.problem = texts.transcript.REASON_NO_ROOM
        return votes
    most = len(lines) if speakers else max(1, (answer_tokens - ANSWER_TOKENS) // ANSWER_TOKENS_A_LABEL)
    windows = await _windows(lines, pattern, budget, most, model.llm)
    votes.windows = len(windows)
    for position, window in enumerate(windows):
        labels = list(dict.fromkeys(line.label for line in window))
        messages = (
            PromptMessage(role="system", content=prompt),
            PromptMessage(
                role="user", content=texts.transcript.TRANSCRIPT_AS_DATA.format(lines=_text(window, pattern))
            ),
        )
        schema = _narrowed(model.schema, labels, [role.id for role in roles])
        try:
            answer = await model.answers.structured(ROLES_STEP, messages, schema, answer_tokens)
        except ProviderInvalidAnswer:
            votes.failed += 1
            votes.problem = texts.transcript.REASON_INVALID
        except ProviderError:
            # The call has used up its tries: the next window would only wait as long.
            votes.failed += len(windows) - position
            votes.problem = texts.transcript.REASON_PROVIDER
            break
        else:
            votes.failed += not _count(votes, window, answer)
    return votes


def _count(votes: _Votes, window: Sequence[_Line], answer: Any) -> bool:
    """Add the answer's votes to ``votes``; return False when the answer has none."""
    given = {one["label"]: one["role"] for one in (answer or {}).get("roles", ())}
    for line in window:
        if line.label in given:
            counted = votes.words.setdefault(line.label, {})
            counted[given[line.label]] = counted.get(given[line.label], 0) + max(1, line.words)
    return bool(given)


def _narrowed(schema: Schema, labels: Sequence[str], roles: Sequence[str]) -> Schema:
    """Return a copy of ``schema`` that allows only these labels, and only these roles or null."""
    limited = copy.deepcopy(dict(schema))
    fields = limited["properties"]["roles"]["items"]["properties"]
    fields["label"]["enum"] = list(labels)
    fields["role"]["enum"] = [*roles, None]
    return limited


async def _windows(
    lines: Sequence[_Line], pattern: str, budget: int, most: int, llm: LanguageModel
) -> list[list[_Line]]:
    """Cut the lines into windows of at most ``budget`` tokens and ``most`` lines.

    No text is left out: a line that is too long for a window is cut into several.
    """
    whole = _text(lines, pattern)
    tokens = await llm.count_tokens(whole)
    limit = max(1, len(whole) + 1 if tokens <= budget else int(len(whole) / tokens * budget * SAFETY))
    while True:
        windows = _cut(lines, pattern, limit, most)
        fits = [await llm.count_tokens(_text(window, pattern)) <= budget for window in windows]
        if all(fits) or limit == 1:
            return windows
        limit = max(1, limit * 3 // 4)


def _cut(lines: Sequence[_Line], pattern: str, limit: int, most: int) -> list[list[_Line]]:
    windows: list[list[_Line]] = []
    room = 0
    for line in lines:
        for text in _pieces(line.text, max(1, limit - len(_text([_Line(line.label, "")], pattern)) - 1)):
            piece = _Line(line.label, text)
            size = len(_text([piece], pattern)) + 1
            if not windows or size > room or len(windows[-1]) >= most:
                windows.append([])
                room = limit
            windows[-1].append(piece)
            room -= size
    return windows


def _pieces(text: str, limit: int) -> list[str]:
    """Return the text in pieces of at most ``limit`` characters, cut between words; a longer word is cut too."""
    pieces = [""]
    for word in text.split(" "):
        for part in [word[at : at + limit] for at in range(0, len(word), limit)]:
            joined = f"{pieces[-1]} {part}".strip()
            if len(joined) <= limit:
                pieces[-1] = joined
            else:
                pieces.append(part)
    return pieces


def _text(lines: Sequence[_Line], pattern: str) -> str:
    return "\n".join(pattern.format(speaker=line.label, number=line.label, text=line.text) for line in lines)


def _incomplete(votes: _Votes) -> tuple[str, ...]:
    if not votes.failed:
        return ()
    return (texts.transcript.ROLES_INCOMPLETE.format(failed=votes.failed, windows=votes.windows),)
