"""Answers made from passages: a text by the language model that cites them, or the passages themselves as quotes.

The model gets the text of passages and of earlier answers as data, not as instructions. Of its answer only those
sentences count that cite passages which support them: all else rests on nothing that a person could check.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import texts.chats
from chats.attribution import Attributed, attributed, joined
from chats.drafts import LONGEST_ANSWER, ShowDraft, shown_while_written
from chats.excerpts import excerpt
from chats.refusals import begins_with_mark, is_partial, is_refusal
from chats.sentences import Kind
from chats.sources import named_source
from chats.support import supporting_part
from datamodels import Completion, PromptMessage
from datamodels_chats import AnswerOutcome, Basis, Example, Passage, PassageLine, Turn
from errors import ContextTooSmall
from language_model.port import QUESTION_TOKENS, LanguageModel
from prompt_pack.templates import Template
from text_cleaning import ELLIPSIS, as_data, preview, printable, storable
from utils import clock

_ANSWER_TOKENS = 1024
"""About a page: nobody reads a longer answer to one question on a phone."""
_ANSWER_SHARE = 3
"""An answer gets at most a third of the context. Otherwise a small model would have no room for the passages."""
_EXAMPLES_SHARE = 2
"""Examples get at most half of the room that is left, since an answer can do without them."""
_CITED_AS_DATA = re.compile(r"\((\d{1,3})\)")


@dataclass(frozen=True)
class Composer:
    """Asks the language model for answers. ``history_tokens`` is the room for the chat's last turns."""

    llm: LanguageModel
    prompt: Template
    history_tokens: int

    async def compose(
        self,
        question: str,
        passages: Sequence[Passage],
        turns: Sequence[Turn],
        examples: Sequence[Example] = (),
        show: ShowDraft | None = None,
    ) -> AnswerOutcome:
        """Answer from ``passages``, the best first; return the passages as quotes when the model cites none.

        ``turns`` are the chat's last turns, the latest first. ``examples``, the best first, show what a good answer
        looks like, as far as the model's context has room for them. ``show`` is given what may be seen of the answer
        while the model writes it.

        Raises:
            ContextTooSmall: the model's context has no room for even one passage beside the question and the answer.
            ProviderError: the model failed.
        """
        tokens = min(_ANSWER_TOKENS, self.llm.max_output_tokens, self.llm.context_tokens // _ANSWER_SHARE)
        prompt = self.prompt.render({"no_answer": texts.chats.NO_ANSWER_MARK})
        asked = texts.chats.QUESTION_AS_DATA.format(question=as_data(question))
        room = self.llm.context_tokens - tokens - QUESTION_TOKENS - await self._tokens(prompt, asked)
        shown = await self._fitting([_passage(passage) for passage in passages], room)
        if not shown:
            raise ContextTooSmall(missing_tokens=await self._tokens(_passage(passages[0])) - room)
        given = texts.chats.PASSAGES_AS_DATA.format(passages="\n\n".join(shown))
        room -= await self._tokens(given)
        history = await self._history(turns, min(room, self.history_tokens))
        room -= await self._tokens(*history)
        messages = (
            PromptMessage(role="system", content=prompt),
            *await self._examples(examples, room // _EXAMPLES_SHARE),
            PromptMessage(role="user", content="\n\n".join([*history, given, asked])),
        )
        async with shown_while_written(passages[: len(shown)], show) as on_text:
            completion = await self.llm.complete(messages, max_tokens=tokens, on_text=on_text)
        outcome = await asyncio.to_thread(held_to, completion, passages[: len(shown)])
        return outcome.model_copy(update={"prompt_version": self.prompt.version})

    async def broken_off(self, draft: str, passages: Sequence[Passage]) -> AnswerOutcome | None:
        """Return what was there of an answer whose writer was killed, by its last ``draft``, so that it is paid once.

        It is held to ``passages`` anew, and its note says that it ends early. None when no sentence of it was whole.
        """
        written = Completion(text=draft, model=self.llm.info.model, truncated=True, duration_s=0.0)
        outcome = await asyncio.to_thread(held_to, written, passages)
        if outcome.basis is not Basis.MODEL:
            return None
        return outcome.model_copy(update={"note": texts.chats.NOTE_BROKEN_OFF, "prompt_version": self.prompt.version})

    async def _examples(self, examples: Sequence[Example], room: int) -> list[PromptMessage]:
        """Return as many of ``examples``, which come best first, as fit into ``room`` tokens.

        Each becomes a question by the user and an answer by the assistant. The order is reversed, so that the best
        example is last. Small models imitate such messages, but ignore examples that are in one text with the passages
        (measured: ``scripts/benchmark -k learning``).
        """
        fitting: list[PromptMessage] = []
        for example in examples:
            asked = texts.chats.QUESTION_AS_DATA.format(question=as_data(example.question))
            answer = _as_written(example.answer)
            room -= await self._tokens(asked, answer)
            if room < 0:
                break
            fitting[:0] = [PromptMessage(role="user", content=asked), PromptMessage(role="assistant", content=answer)]
        return fitting

    async def _history(self, turns: Sequence[Turn], room: int) -> list[str]:
        """Join as many of the latest turns as fit into ``room`` tokens, earliest first; return a list of this one text.

        Return [] when no turn fits.
        """
        said = [
            texts.chats.TURN_AS_DATA.format(question=as_data(turn.question), answer=as_data(turn.answer or ""))
            for turn in turns
        ]
        fitting = await self._fitting(said, room)
        return [texts.chats.DIALOG_AS_DATA.format(turns="\n".join(reversed(fitting)))] if fitting else []

    async def _fitting(self, texts_in_order: Sequence[str], room: int) -> list[str]:
        """Return as many of the first texts as fit into ``room`` tokens together."""
        fitting: list[str] = []
        for text in texts_in_order:
            room -= await self._tokens(text)
            if room < 0:
                break
            fitting.append(text)
        return fitting

    async def _tokens(self, *texts_to_count: str) -> int:
        return sum([await self.llm.count_tokens(f"{text}\n\n") for text in texts_to_count])


def held_to(completion: Completion, passages: Sequence[Passage]) -> AnswerOutcome:
    """Return as the answer those sentences of the model's text that the passages they cite support. Blocking.

    Its note says when sentences were taken out, and when the text was too long for people or for the model. Return the
    passages as quotes when nothing is left. When the model says that there is no answer, return an outcome that says
    the same.
    """
    spent = {"model": completion.model, "usage": completion.usage, "duration_s": completion.duration_s}
    nothing = AnswerOutcome(basis=Basis.NOTHING, text=texts.chats.NO_ANSWER, **spent)
    written = printable(storable(completion.text)).strip()
    if begins_with_mark(written):
        return nothing
    is_cut = completion.truncated or len(written) > LONGEST_ANSWER
    sentences = attributed(preview(written, LONGEST_ANSWER).removesuffix(ELLIPSIS), passages)
    if is_cut and sentences and not sentences[-1].written.cited:
        # The end of a text that was cut may be half a sentence, and lacks its citation.
        sentences.pop()
    if _refuses(sentences):
        return nothing
    text, cited = joined(sentences, LONGEST_ANSWER)
    if not cited:
        return quotes(passages, texts.chats.NOTE_NOT_CITED).model_copy(update=spent)
    notes = (
        texts.chats.NOTE_UNSUPPORTED if any(map(_is_missed, sentences)) else "",
        texts.chats.NOTE_TRUNCATED if is_cut else "",
    )
    return AnswerOutcome(
        basis=Basis.MODEL,
        text=text,
        note=" ".join(filter(None, notes)),
        sources=tuple(
            supporting_part(passage, cited[passage.source.number]).source
            for passage in passages
            if passage.source.number in cited
        ),
        **spent,
    )


def _is_missed(sentence: Attributed) -> bool:
    """Tell whether a sentence was taken out that may have said something about the question."""
    is_out = not sentence.text and sentence.written.kind is not Kind.HEADING
    return is_out and sentence.says_something and not is_refusal(sentence.written.text)


def _refuses(sentences: Sequence[Attributed]) -> bool:
    """Tell whether a text says that there is no answer, unless it goes on with what there is: «но …», «Однако …»."""
    begin = takewhile(lambda each: not each.text, sentences)
    refusals = [each.written.text for each in begin if is_refusal(each.written.text)]
    answer = next((each.written.text for each in sentences if each.text), "")
    return bool(refusals) and not (answer and any(map(is_partial, [*refusals, answer])))


def _as_written(answer: str) -> str:
    """Return an earlier answer as data for a prompt, with its lines and its citations kept."""
    lines = (_CITED_AS_DATA.sub(r"[\1]", as_data(line)) for line in answer.splitlines())
    return "\n".join(filter(None, lines))


def quotes(passages: Sequence[Passage], note: str) -> AnswerOutcome:
    """Return the best of the passages as the answer, with a ``note`` that says why no model's text is the answer.

    What reports say is nobody's words: they are quoted only when nothing else is found, and the note says so.
    """
    said = [passage for passage in passages if not passage.source.is_report]
    shown = [excerpt(passage) for passage in said or passages]
    if not said:
        note = texts.chats.OF_REPORTS.get(note, note)
    return AnswerOutcome(
        basis=Basis.QUOTES,
        text="\n\n".join(_quote(passage) for passage in shown),
        note=note,
        sources=tuple(passage.source for passage in shown),
    )


def no_answer(*, empty: bool) -> AnswerOutcome:
    """Return an outcome that says that there is no answer; with ``empty``, also that there are no transcripts yet."""
    return AnswerOutcome(
        basis=Basis.EMPTY if empty else Basis.NOTHING,
        text=texts.chats.NO_ANSWER,
        note=texts.chats.NO_TRANSCRIPTS if empty else "",
    )


def _passage(passage: Passage) -> str:
    source = passage.source
    lines = [_line(line) if source.section is None else as_data(line.text) for line in passage.lines]
    what = as_data(named_source(source))
    return texts.chats.PASSAGE_AS_DATA.format(number=source.number, what=what, lines="\n".join(lines))


def _line(line: PassageLine) -> str:
    return texts.chats.LINE_AS_DATA.format(
        time=clock(line.start),
        speaker=texts.chats.LINE_SPEAKER.format(speaker=as_data(line.speaker)) if line.speaker else "",
        text=as_data(line.text),
    )


def _quote(passage: Passage) -> str:
    lines: list[str] = []
    speaker = None
    for line in passage.lines:
        if lines and line.speaker == speaker:
            lines[-1] += f" {line.text}"
            continue
        speaker = line.speaker
        lines.append((texts.chats.LINE_SPEAKER.format(speaker=speaker) if speaker else "") + line.text)
    return f"[{passage.source.number}] " + texts.chats.QUOTE.format(text="\n".join(lines))
