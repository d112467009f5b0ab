"""The bodies that the loopback OpenAI-compatible server reads and writes."""

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

import av
import numpy as np

from openai_answers import SAMPLE_RATE, Heard, Messages, Samples, Schema, embedding

PIECE = 7
"""Characters of a streamed piece: words and tags are torn."""


def decode(audio: bytes) -> Samples:
    """Mono samples at 16 kHz of an Ogg Opus file; anything else raises."""
    with av.open(io.BytesIO(audio), mode="r", format="ogg") as container:
        stream = container.streams.audio[0]
        if stream.codec_context.name not in {"opus", "libopus"}:
            raise ValueError(stream.codec_context.name)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        frames = [out for frame in container.decode(stream) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames], dtype=np.float32)


def spoken(seconds: float, file_format: str) -> bytes:
    """A tone as MP3 or WAV."""
    content = io.BytesIO()
    samples = (8000 * np.sin(np.arange(int(seconds * 24_000)) / 12)).astype(np.int16)
    with av.open(content, "w", format=file_format) as container:
        stream = container.add_stream("libmp3lame" if file_format == "mp3" else "pcm_s16le", rate=24_000)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = 24_000
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=24_000)
        for each in resampler.resample(frame):
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return content.getvalue()


def verbose(heard: Sequence[Heard], language: str, granularities: Sequence[str], seconds: float) -> dict[str, Any]:
    """What ``verbose_json`` has besides the text, in OpenAI's way: the language by name, words apart from segments."""
    names = {"ru": "russian", "en": "english"}
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": names.get(language, "russian"),
        "duration": seconds,
    }
    if "segment" in granularities or not granularities:
        body["segments"] = [
            {"id": index, "start": line.start, "end": line.end, "text": f" {line.text}", "avg_logprob": -0.2}
            for index, line in enumerate(heard)
        ]
    if "word" in granularities:
        spoken = [word for line in heard for word in line.words]
        body["words"] = [{"word": text, "start": start, "end": end} for start, end, text in spoken]
    return body


def schema_in_prompt(messages: Messages) -> Schema | None:
    """The JSON Schema that an adapter wrote into the system message, its last line."""
    line = messages[0]["content"].rstrip().rsplit("\n", 1)[-1]
    if not line.startswith("{"):
        return None
    schema: Schema = json.loads(line)
    return schema


def completion(text: str, asked: dict[str, Any], *, usage: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 0,
        "model": asked["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
    }
    if usage:
        prompt = sum(len(message["content"]) for message in asked["messages"]) // 3
        written = len(text) // 3
        body["usage"] = {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
    return body


def events(text: str, asked: dict[str, Any], *, usage: bool) -> list[str]:
    """The same as server-sent events: an empty piece, the text in pieces, the end and, where asked for, the usage."""
    whole = completion(text, asked, usage=usage)
    head = {"id": whole["id"], "object": "chat.completion.chunk", "created": 0, "model": asked["model"]}

    def chunk(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"content": text[place : place + PIECE]}) for place in range(0, len(text), PIECE)]
    chunks.append(chunk({}, "stop"))
    if usage and asked.get("stream_options", {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": whole["usage"]})
    return [*(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in chunks), "data: [DONE]\n\n"]


def embeddings_body(inputs: Sequence[str], asked: dict[str, Any], size: int) -> dict[str, Any]:
    """The last text's vector comes first: the order is in the indices alone."""
    vectors = [embedding(text, size) for text in inputs]
    in_base64 = asked.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.tobytes()).decode() if in_base64 else vector.tolist(),
        }
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(map(len, inputs)) // 3
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data[::-1], "model": asked["model"], "usage": usage}


def rerank_body(asked: dict[str, Any]) -> Any:
    """Scores by common words, the best first: Cohere's, or for ``texts`` a list like text-embeddings-inference's."""
    texts = asked.get("texts") or asked["documents"]
    question = embedding(asked["query"])
    scores = [float(question @ embedding(text)) / len(text) for text in texts]
    order = sorted(range(len(texts)), key=lambda place: -scores[place])
    if "texts" in asked:
        return [{"index": place, "score": scores[place]} for place in order]
    return {"id": "1", "results": [{"index": place, "relevance_score": scores[place]} for place in order], "meta": {}}
