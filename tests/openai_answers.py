"""What the loopback OpenAI-compatible server says by itself: the same for the same question, and valid."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
Samples = npt.NDArray[np.float32]
Messages = Sequence[Mapping[str, str]]
Schema = Mapping[str, Any]

SENTENCES = (
    "Нам очень понравилась тишина в номере и вид из окна.",
    "До метро мы дошли пешком за десять минут, это удобно.",
    "На завтраке не хватало горячих блюд, зато кофе хороший.",
    "Администратор встретил нас приветливо и быстро заселил.",
    "Цена показалась высокой, но за такое место не жалко.",
    "В бассейне вода была прохладная, дети замёрзли.",
    "Уборка каждый день, полотенца меняли без напоминаний.",
    "Интернет в номере работал медленно, звонок обрывался.",
    "Мы выбирали по отзывам и по фотографиям на сайте.",
    "Свет в холле тёплый, музыка негромкая, хочется посидеть.",
    "Парковка маленькая, место пришлось искать полчаса.",
    "Вернёмся ещё раз, если будет скидка для постоянных гостей.",
)
STRETCH_S = 8.0
"""The default transcript has a sentence for each stretch of that length that is not silent."""
EMBEDDING_SIZE = 64
_SILENT_RMS = 1e-3
_DATA = re.compile(r"<расшифровка>(.*?)</расшифровка>", re.DOTALL)
_LINE = re.compile(r"^\[[\d:]+\] (?:([^:\n]{1,60}): )?(.+)$", re.MULTILINE)
_CRITERION = re.compile(r"^(?:[ПН]\d\.|\d\.\d) [^.\n]+|(?<=### )(?:К\d\. )?[А-Я][\w ]+", re.MULTILINE)
"""What a prompt has judged, each by its own quotes."""
_PASSAGES = re.compile(r"<отрывки>\n\[.*?</отрывки>", re.DOTALL)
_PASSAGE = re.compile(r"^\[(\d+)\] .*\n\([\d:]+\) (?:[^:\n]{1,60}: )?(.+)$", re.MULTILINE)
_IDENTIFIER = re.compile(r"\b[a-z]{2,}(?:_[a-z0-9]+)+\b")
_QUOTE_WORDS = 12


@dataclass(frozen=True)
class Heard:
    """A piece of a transcript, in seconds from the start of the upload."""

    start: float
    end: float
    text: str
    words: tuple[tuple[float, float, str], ...] = ()


Transcriber = Callable[[Samples, str | None], Sequence[Heard]]
"""Mono samples at 16 kHz and the language asked for, to what is said in them."""


def by_sound(samples: Samples, language: str | None) -> list[Heard]:
    """A sentence for each stretch, chosen by how loud it is from second to second."""
    heard = []
    length = int(STRETCH_S * SAMPLE_RATE)
    for begin in range(0, len(samples), length):
        stretch = samples[begin : begin + length]
        if len(stretch) < SAMPLE_RATE or _silent(stretch):
            continue
        seconds = stretch[: len(stretch) // SAMPLE_RATE * SAMPLE_RATE].reshape(-1, SAMPLE_RATE)
        loudness = int(1000 * float(np.sqrt((seconds**2).mean(axis=1)).sum()))
        start = begin / SAMPLE_RATE
        heard.append(heard_sentence(start, start + len(stretch) / SAMPLE_RATE, SENTENCES[loudness % len(SENTENCES)]))
    return heard


def heard_sentence(start: float, end: float, text: str) -> Heard:
    """A sentence whose words share its time evenly."""
    words = text.split()
    step = (end - start) / max(1, len(words))
    spoken = tuple((start + step * index, start + step * (index + 1), word) for index, word in enumerate(words))
    return Heard(start, end, text, spoken)


@dataclass(frozen=True)
class Script:
    """A transcriber that knows what is said in ``reference``, and finds an upload in it by its loudness."""

    reference: Samples
    lines: Sequence[Heard]
    _envelope: npt.NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_envelope", _loudness(self.reference))

    def __call__(self, samples: Samples, _language: str | None) -> list[Heard]:
        if _silent(samples):
            return []
        begin = self.offset_s(samples)
        end = begin + len(samples) / SAMPLE_RATE
        return [
            heard_sentence(max(0.0, line.start - begin), line.end - begin, line.text)
            for line in self.lines
            if begin <= (line.start + line.end) / 2 < end
        ]

    def offset_s(self, samples: Samples) -> float:
        """Where in the reference the samples come from, to a hundredth of a second."""
        part = _loudness(samples)
        if len(part) >= len(self._envelope):
            return 0.0
        size = 1 << (len(self._envelope) + len(part)).bit_length()
        product = np.fft.rfft(self._envelope, size) * np.conj(np.fft.rfft(part, size))
        matches = np.fft.irfft(product, size)[: len(self._envelope) - len(part) + 1]
        squares = np.concatenate(([0.0], np.cumsum(self._envelope.astype(np.float64) ** 2)))
        energy = squares[len(part) :] - squares[: len(squares) - len(part)]
        return int(np.argmax(matches / np.sqrt(energy + 1e-9))) / 100


def _silent(samples: Samples) -> bool:
    return math.sqrt(float((samples**2).mean())) < _SILENT_RMS


def _loudness(samples: Samples) -> npt.NDArray[np.float32]:
    frame = SAMPLE_RATE // 100
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    loudness: npt.NDArray[np.float32] = np.sqrt((frames**2).mean(axis=1)).astype(np.float32)
    return loudness


SAID = "Сказано в записи"
"""What it writes into a field of its own words."""


def chat_answer(messages: Messages, schema: Schema | None) -> str | object:
    """Markdown with quotes, or a value that is valid by ``schema``; both quote the transcript of the messages."""
    source = _Source(messages)
    if schema is not None:
        return source.instance(schema, "", schema)
    if source.passages:
        said = (f"«{_beginning(line)}» [{number}]" for number, line in source.passages[:2])
        return f"В записях об этом сказано: {', '.join(said)}."
    quotes = "\n".join(f"> «{quote}»\n" for quote in source.quotes[:3])
    criteria = "".join(f"\n**{each}**\n\n> «{source.quotes[0]}»\n" for each in source.criteria)
    return f"## Выводы\n\nВ записи сказано о заведении.\n\n{quotes}{criteria}"


def _beginning(line: str) -> str:
    return " ".join(line.split()[:_QUOTE_WORDS])


class _Source:
    """What can be quoted from a question."""

    def __init__(self, messages: Messages) -> None:
        text = "\n".join(message["content"] for message in messages)
        data = "\n".join(_DATA.findall(text))
        # The same answer on every day, as on that of the storyboards.
        self.seed = sha256(text.replace(f"{datetime.now().astimezone():%d.%m.%Y}", "30.11.2026").encode()).digest()
        answered = [said for speaker, said in _LINE.findall(data) if speaker != "Сотрудник"]
        self.quotes = list(map(_beginning, answered)) or ["Запись молчит"]
        self.criteria = list(dict.fromkeys(_CRITERION.findall(_DATA.sub("", text))))
        self.passages = _PASSAGE.findall("".join(_PASSAGES.findall(text)))
        self.identifiers = _IDENTIFIER.findall(_DATA.sub("", text)) or ["other"]
        self._count = 0

    def instance(self, schema: Schema, name: str, root: Schema) -> object:
        """A value that is valid by ``schema``, the property ``name`` of something."""
        if "$ref" in schema:
            target: Any = root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return self.instance(target, name, root)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self.instance(schema[choice][0], name, root)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._pick([value for value in schema["enum"] if value is not None] or [None])
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kind = kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null")
        return self._of_kind(kind, schema, name, root)

    def _of_kind(self, kind: str, schema: Schema, name: str, root: Schema) -> object:
        if kind == "object":
            parts = schema.get("properties", {})
            return {part: self.instance(parts[part], part, root) for part in parts}
        if kind == "array":
            count = min(schema.get("maxItems", 2), max(schema.get("minItems", 0), 2))
            items = schema.get("items", {})
            made: list[Any] = [self.instance(items, name, root) for _ in range(count)]
            criteria = items.get("properties", {}).get("criterion", {}).get("enum")
            return [{**one, "criterion": criteria[place]} for place, one in enumerate(made)] if criteria else made
        if kind in {"integer", "number"}:
            low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
            high = schema.get("maximum", low + 100)
            return low + self._next() % max(1, int(high - low) + 1)
        if kind == "boolean":
            return bool(self._next() % 2)
        return None if kind == "null" else self._string(schema, name)

    def _string(self, schema: Schema, name: str) -> str:
        if name == "text":
            text = self._pick(self.quotes)
        elif name == "factor":
            text = self._pick(self.identifiers)
        else:
            text = SAID
        text = str(text)[: schema.get("maxLength", len(str(text)))]
        return text.ljust(schema.get("minLength", 0), ".")

    def _pick(self, values: Sequence[Any]) -> Any:
        return values[self._next() % len(values)]

    def _next(self) -> int:
        self._count += 1
        return int.from_bytes(sha256(self.seed + self._count.to_bytes(4)).digest()[:4])


def embedding(text: str, size: int = EMBEDDING_SIZE) -> npt.NDArray[np.float32]:
    """A vector of ``size`` numbers, not of length one: texts with the same beginnings of words are near."""
    vector = np.full(size, 0.01, dtype=np.float32)
    for word in re.findall(r"\w+", text.lower()):
        vector[int(sha256(word[:4].encode()).hexdigest(), 16) % size] += 1.0
    return vector
