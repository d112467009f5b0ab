"""Ratings: the row of buttons under an answer, the question for a comment, the figures of all ratings."""

from collections.abc import Sequence
from html import escape

import texts.chats
import texts.ratings
import texts.research
import texts.speeches
import texts.telegram
import texts.training_data
from conversations.ratings import COMMENT_CHARACTERS
from datamodels_chats import (
    AnswerId,
    AnswerOutcome,
    Basis,
    Comment,
    ModelMetrics,
    RatedConversation,
    RatingStats,
    Source,
)
from datamodels_telegram import Button, Keyboard, Screen
from markups.asking import asking_rows
from markups.callback_data import Action, button, word_of
from markups.chats import answer_messages, figures_of_ratings, packed, parts_of, percent
from markups.text import escaped
from text_cleaning import printable
from utils import decimal

_LONGEST_COMMENT = 200
_LONGEST_QUESTION = 80
_MOST_SOURCES = 8
_RATEABLE = frozenset({Basis.MODEL, Basis.QUOTES, Basis.NOTHING})


def rated_messages(
    question: str,
    outcome: AnswerOutcome | None,
    answer_id: AnswerId,
    stars: int | None = None,
    comment: str | None = None,
    *,
    speaks: bool = False,
    researches: bool = True,
) -> list[Screen]:
    """Show an answer as ``answer_messages`` does; if it can be rated, the last message has the buttons for that.

    With ``speaks`` there is one that has it said, with ``researches`` one that asks every interview.
    """
    *others, last = answer_messages(question, outcome)
    if outcome is None or outcome.basis not in _RATEABLE:
        return [*others, last]
    asking = asking_rows(answer_id, outcome.narrowing, refinable=outcome.refinable)
    rating = _keyboard(answer_id, stars, comment, speaks=speaks, researches=researches)
    keyboard = (*rating, *asking, *_sources(outcome.sources))
    return [*others, last.model_copy(update={"keyboard": keyboard})]


def _sources(sources: Sequence[Source]) -> Keyboard:
    """Return the buttons that show what was said at the sources, of recordings, that an answer cites."""
    shown = [
        button(
            texts.chats.OPEN_SOURCE.format(number=each.number),
            Action.ACROSS_PASSAGE,
            word_of(each.recording_id),
            int(each.start) + 1,
        )
        for each in sources
        if each.recording_id is not None and each.section is None
    ]
    return (tuple(shown[:_MOST_SOURCES]),) if shown else ()


def rated(conversation: RatedConversation, *, speaks: bool = False, researches: bool = True) -> Screen:
    """Show the last message of an answer with its rating."""
    return rated_messages(
        conversation.question,
        conversation.outcome,
        conversation.answer_id,
        conversation.stars,
        conversation.comment,
        speaks=speaks,
        researches=researches,
    )[-1]


def ask_comment(conversation: RatedConversation, note: str = "") -> Screen:
    """Ask for a comment on an answer, below a ``note`` in plain text; the comment that is there already is shown."""
    text = texts.ratings.ASK_COMMENT.format(question=escaped(conversation.question, 80), longest=COMMENT_CHARACTERS)
    blocks = [escaped(note, 300)] if note else []
    blocks.append(text)
    if conversation.comment is not None:
        blocks.append(texts.ratings.COMMENT_NOW.format(comment=escaped(conversation.comment, _LONGEST_COMMENT)))
    return Screen(text="\n\n".join(blocks), keyboard=((button(texts.telegram.CANCEL, Action.CANCEL_COMMENT),),))


def comment_kept(conversation: RatedConversation) -> Screen:
    """Say which comment on which answer is stored."""
    question, comment = escaped(conversation.question, 80), escaped(conversation.comment or "", _LONGEST_COMMENT)
    return Screen(text=texts.ratings.COMMENT_KEPT.format(question=question, comment=comment))


def comment_cancelled() -> Screen:
    return Screen(text=texts.ratings.COMMENT_CANCELLED)


def all_ratings(
    stats: RatingStats, models: Sequence[ModelMetrics], comments: Sequence[Comment], page: int = 1
) -> Screen:
    """Show everybody's ratings, what people think of each model and prompt, and their latest comments in full.

    What does not fit into a message is on further pages; for a ``page`` that does not exist, the nearest one is shown.
    """
    blocks = [texts.ratings.ALL_HEAD, f"{figures_of_ratings(stats)}\n{texts.ratings.ALL_NOTE}"]
    if models:
        blocks.append("\n".join([texts.ratings.MODELS_HEAD, *map(_model, models)]))
    if comments:
        blocks.append(texts.ratings.COMMENTS_HEAD)
    pages = packed([*blocks, *(part for each in comments for part in _commented(each))])
    page = max(1, min(page, len(pages)))
    turns = [(texts.chats.PREVIOUS, page - 1), (texts.chats.NEXT, page + 1)]
    turn = tuple(button(sign, Action.ALL_RATINGS, to) for sign, to in turns if 1 <= to <= len(pages))
    export = [(button(texts.ratings.EXPORT, Action.EXPORT_ANSWERS),)] if stats.ratings else []
    return Screen(
        text=pages[page - 1],
        keyboard=(*([turn] if turn else []), *export, (button(texts.telegram.BACK, Action.SHOW_STATS),)),
    )


def exported(count: int) -> Screen:
    """Return the caption of a file of good answers."""
    return Screen(text=texts.ratings.EXPORT_CAPTION.format(count=texts.training_data.EXAMPLE.counted(count)))


def _commented(comment: Comment) -> list[str]:
    """Return a comment in HTML, in blocks of which each fits into a message; the first says what it is about."""
    template = texts.ratings.COMMENTED_UNRATED if comment.stars is None else texts.ratings.COMMENTED
    about = template.format(stars=comment.stars, question=escaped(comment.question, _LONGEST_QUESTION))
    first, *others = (escape(part, quote=False) for part in parts_of(printable(comment.comment)))
    return [f"{about}\n{first}", *others]


def _model(metrics: ModelMetrics) -> str:
    version = metrics.prompt_version or texts.ratings.NO_VERSION
    name = escape(metrics.model, quote=False) or texts.ratings.NO_MODEL
    if metrics.average is None:
        return texts.ratings.MODEL_UNRATED.format(model=name, version=version, answers=metrics.answers)
    return texts.ratings.MODEL.format(
        model=name,
        version=version,
        answers=metrics.answers,
        ratings=metrics.ratings,
        average=decimal(metrics.average),
        good=percent(metrics.good / metrics.ratings),
        bad=percent(metrics.bad / metrics.ratings),
    )


def _keyboard(
    answer_id: AnswerId, stars: int | None, comment: str | None, *, speaks: bool, researches: bool
) -> tuple[tuple[Button, ...], ...]:
    subject = word_of(answer_id)
    speak = (button(texts.speeches.BUTTON, Action.SPEAK_ANSWER, subject),) if speaks else ()
    deeper = (*((button(texts.research.BUTTON, Action.RESEARCH, subject),) if researches else ()), *speak)
    row = tuple(
        button(texts.ratings.CHOSEN.format(stars=label) if each == stars else label, Action.RATE_ANSWER, subject, each)
        for each, label in enumerate(texts.ratings.LABELS, 1)
    )
    if stars is None:
        return (row, deeper) if deeper else (row,)
    label = texts.ratings.COMMENT if comment is None else texts.ratings.COMMENT_AGAIN
    return (row, (*deeper, button(label, Action.COMMENT_ANSWER, subject)))
