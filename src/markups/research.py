"""Screens of research: what one takes, that it is ordered, and why there is none."""

import texts.research
import texts.telegram
from datamodels_chats import AnswerId
from datamodels_telegram import Screen
from markups.callback_data import Action, button, word_of
from markups.text import escaped
from prompt_pack.models import ReportPack
from reports.research.values import Offer
from reports.research.wording import estimate_lines

_LONGEST_QUESTION = 200


def research_offer(offer: Offer, answer_id: AnswerId, pack: ReportPack) -> Screen:
    """Ask whether to begin, with what it will read and take."""
    lines = "\n".join(escaped(line) for line in estimate_lines(offer, pack))
    text = texts.research.OFFER.format(question=escaped(offer.question, _LONGEST_QUESTION), lines=lines)
    start = button(texts.research.START, Action.RESEARCH_START, word_of(answer_id))
    return Screen(text=text, keyboard=((start, button(texts.telegram.CANCEL, Action.RESEARCH_CLOSE)),))


def research_ordered(question: str) -> Screen:
    """Say that a research is ordered; its card follows."""
    return Screen(text=texts.research.ORDERED.format(question=escaped(question, _LONGEST_QUESTION)))


def research_closed() -> Screen:
    return Screen(text=texts.research.CLOSED)


def research_without_model() -> Screen:
    """Say why there is no research, and what can be had instead."""
    return Screen(text=texts.research.NO_MODEL, keyboard=((button(texts.research.STORAGE, Action.MENU_STORAGE),),))
