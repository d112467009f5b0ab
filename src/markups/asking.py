"""Screens around a question: what its search was narrowed to, where a chat is searched, better questions, drafts."""

import texts.asking
import texts.chats
import texts.telegram
from chats.asking_store import Proposals
from chats.narrowing import condition_label
from chats.threads import shown_title
from datamodels_chats import AnswerId, Chat
from datamodels_search import ChatFilters, Corpus, Narrowing
from datamodels_telegram import Button, Screen
from markups.callback_data import Action, button, word_of
from markups.text import escaped, plain
from prompt_pack.models import ReportPack

_LONGEST_CONDITION = 60
_LONGEST_LABEL = 28
"""Characters of a condition on a button, of which two stand side by side."""
_LONGEST_QUESTION = 200
ALL = "all"
ON, OFF = "on", "off"
CORPUS, SCENARIO, WHOSE = "corpus", "scenario", "whose"
MINE, TEAM = "mine", "team"
Row = tuple[Button, ...]


def narrowed_line(narrowing: Narrowing) -> str:
    """Say what a search was narrowed to, in HTML; "" when it was not."""
    labels = [escaped(condition_label(narrowing, condition), _LONGEST_CONDITION) for condition in narrowing.conditions]
    if not labels:
        return ""
    line = texts.asking.NARROWED.format(conditions=", ".join(labels))
    return f"{line} {texts.asking.LOOSE}" if narrowing.loose else line


def asking_rows(answer_id: AnswerId, narrowing: Narrowing, *, refinable: bool) -> tuple[Row, ...]:
    """Return the buttons under an answer that ask again: without a condition, more exactly, elsewhere."""
    subject = word_of(answer_id)
    wider = [
        button(
            texts.asking.WIDER.format(condition=plain(condition_label(narrowing, each), _LONGEST_LABEL)),
            Action.WIDER,
            subject,
            each,
        )
        for each in narrowing.conditions
    ]
    refine = [button(texts.asking.REFINE, Action.REFINE, subject)] if refinable else []
    rows = [tuple(wider[place : place + 2]) for place in range(0, len(wider), 2)]
    return (*rows, (*refine, button(texts.asking.WHERE, Action.WHERE, subject)))


def where_screen(chat: Chat, filters: ChatFilters, pack: ReportPack) -> Screen:
    """Show where a chat is searched, with a button for each choice."""
    number = chat.number
    narrowing = Narrowing(chat=filters)
    chosen = [escaped(condition_label(narrowing, each), _LONGEST_CONDITION) for each in narrowing.conditions]
    corpora = []
    for each in Corpus:
        is_on = not filters.corpora or each in filters.corpora
        label = texts.asking.CORPUS_BUTTONS[each]
        corpora.append(_choice(label, number, CORPUS, each, OFF if is_on else ON, is_on=is_on))
    kinds = [_choice(texts.asking.ANY_SCENARIO, number, SCENARIO, ALL, is_on=filters.scenario is None)]
    kinds += [
        _choice(each.label, number, SCENARIO, each.id, is_on=filters.scenario == each.id) for each in pack.scenarios
    ]
    whose = (
        _choice(texts.asking.OF_TEAM, number, WHOSE, TEAM, is_on=not filters.mine),
        _choice(texts.asking.OF_MINE, number, WHOSE, MINE, is_on=filters.mine),
    )
    text = texts.asking.WHERE_SCREEN.format(
        number=number, title=escaped(shown_title(chat)), where=", ".join(chosen) or texts.asking.EVERYWHERE
    )
    back = (button(texts.telegram.BACK, Action.CHAT, number),)
    return Screen(text=text, keyboard=(tuple(corpora), tuple(kinds), whose, back))


def proposals_screen(proposals: Proposals) -> Screen:
    """Show better questions, each with its button, and the original one."""
    questions = proposals.questions or ()
    listed = [
        texts.asking.PROPOSAL.format(number=number, question=escaped(each, _LONGEST_QUESTION))
        for number, each in enumerate(questions, 1)
    ]
    template = texts.asking.PROPOSALS if listed else texts.asking.NO_PROPOSALS
    asked = texts.chats.QUESTION_HEAD.format(question=escaped(proposals.question, _LONGEST_QUESTION))
    subject = word_of(proposals.id)
    numbered = tuple(
        button(str(number), Action.ASK_PROPOSAL, subject, number) for number in range(1, len(questions) + 1)
    )
    as_is = (button(texts.asking.AS_IS, Action.AS_IS, word_of(proposals.answer_id)),)
    return Screen(
        text=template.format(question=asked, proposals="\n".join(listed)),
        keyboard=tuple(filter(None, (numbered, as_is))),
    )


def refining() -> Screen:
    return Screen(text=texts.asking.REFINING)


def _choice(label: str, number: int, *arguments: str, is_on: bool) -> Button:
    shown = texts.asking.CHOSEN.format(label=label) if is_on else label
    return button(plain(shown, _LONGEST_LABEL), Action.WHERE_CHAT, number, *arguments)
