"""Metadata proposed by the language model from the beginning of a recording; what was not said is not proposed."""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import texts_transcript as texts
from datamodels import ChatMessage, RecordingMetadata, Segment, Transcript
from language_model import LanguageModel
from metadata import BadField, names_building
from metadata_evidence import Speech
from metadata_fields import Field, fields_of, parse, shown
from prompt_pack_models import Scenario
from prompt_pack_questions import PromptedModel
from prompt_pack_schemas import Schema

METADATA_STEP = "metadata"

_BEGINNING_S = 300.0
_FEWEST_SEGMENTS = 20
"""A recording may begin with a long silence."""
_ANSWER_TOKENS = 320
_MESSAGE_TOKENS = 32
"""What a chat template adds around messages, at most."""
_SMALLEST_WINDOW_TOKENS = 64
_SAFETY = 0.9
"""The token density of a stretch differs from that of the whole."""
_MARKERS = str.maketrans("<>", "‹›")


async def propose(transcript: Transcript, scenario: Scenario, model: PromptedModel, today: date) -> RecordingMetadata:
    """Propose what the recording's first minutes say of it. Every value parses, and its words were said.

    The prompt takes ``scenario`` and ``fields``.

    Raises:
        ProviderError: the model failed, or gave no valid answer twice.
    """
    fields = [field for field in fields_of(scenario.id) if field in model.schema["properties"]]
    prompt = model.prompt.render({"scenario": scenario.label, "fields": fields})
    tokens = min(_ANSWER_TOKENS, model.llm.max_output_tokens)
    around = await model.llm.count_tokens(prompt + texts.TRANSCRIPT_AS_DATA)
    segments = await _beginning(transcript, model.llm.context_tokens - tokens - around - _MESSAGE_TOKENS, model.llm)
    if not segments:
        return RecordingMetadata()
    messages = (
        ChatMessage(role="system", content=prompt),
        ChatMessage(role="user", content=texts.TRANSCRIPT_AS_DATA.format(lines=_lines(segments))),
    )
    answer = await model.answers.structured(METADATA_STEP, messages, _narrowed(model.schema, fields), tokens)
    # Without the labels: nobody said «Спикер 1».
    said = "\n".join(segment.text for segment in segments)
    return await asyncio.to_thread(_with_evidence, answer or {}, fields, said, today)


def filled(known: RecordingMetadata, proposed: RecordingMetadata) -> RecordingMetadata:
    """What is known, and in its empty fields what is proposed."""
    empty = {name: value for name, value in proposed if getattr(known, name) in {None, ()}}
    return known.model_copy(update=empty)


async def _beginning(transcript: Transcript, budget: int, llm: LanguageModel) -> Sequence[Segment]:
    """The segments of the first minutes, as many of them as ``budget`` tokens take."""
    if budget < _SMALLEST_WINDOW_TOKENS:
        return ()
    segments = [
        segment
        for number, segment in enumerate(transcript.segments)
        if segment.start < _BEGINNING_S or number < _FEWEST_SEGMENTS
    ]
    while (tokens := await llm.count_tokens(_lines(segments))) > budget:
        segments = segments[: int(len(segments) * budget / tokens * _SAFETY)]
    return segments


def _lines(segments: Sequence[Segment]) -> str:
    return "\n".join(
        texts.SPEAKER_LINE.format(
            speaker=texts.speaker_label(segment.role, segment.speaker) or texts.SPEAKER.format(number=1),
            text=" ".join(segment.text.split()).translate(_MARKERS),
        )
        for segment in segments
    )


def _narrowed(schema: Schema, fields: Sequence[Field]) -> Schema:
    """The schema without the fields that the scenario has not."""
    narrowed = copy.deepcopy(dict(schema))
    narrowed["properties"] = {field.value: narrowed["properties"][field] for field in fields}
    narrowed["required"] = [field.value for field in fields]
    return narrowed


def _with_evidence(answer: Mapping[str, Any], fields: Sequence[Field], said: str, today: date) -> RecordingMetadata:
    """The answer's values that parse and were said. Blocking: the forms of words are looked up."""
    speech = Speech(said)
    proposed = RecordingMetadata()
    for field in fields:
        given = answer.get(field)
        for value in given if isinstance(given, list) else [given]:
            parsed = _parsed(field, value, proposed, today)
            if parsed is not None and _is_said(field, parsed, speech, said):
                proposed = parsed
    if proposed.employee is not None and proposed.employee == proposed.client:
        # One of them is wrong, and nobody knows which.
        proposed = proposed.model_copy(update={"employee": None, "client": None})
    return proposed


def _parsed(field: Field, value: object, known: RecordingMetadata, today: date) -> RecordingMetadata | None:
    if value is None:
        return None
    try:
        parsed = parse(field, str(value), known, today)
    except BadField:
        return None
    # One of a list, and none beside a building type.
    zones = (*known.zones, *parsed.zones) if field is Field.ZONE else known.zones
    return parsed.model_copy(update={"zones": tuple(dict.fromkeys(zones))})


def _is_said(field: Field, parsed: RecordingMetadata, speech: Speech, said: str) -> bool:
    if field is Field.AUDIO_NUMBER:
        return parsed.audio_number is not None and speech.has_number(parsed.audio_number)
    if field is Field.DATE:
        return parsed.recorded_on is not None and speech.has_date(parsed.recorded_on)
    if field is Field.BUILDING_TYPE:
        return parsed.building is not None and names_building(said, parsed.building)
    if field is Field.ZONE:
        return all(speech.has_words(zone) for zone in parsed.zones)
    return speech.has_words(shown(field, parsed) or "")
