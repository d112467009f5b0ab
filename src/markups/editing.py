"""Screens of speakers, of corrected words, and of the glossary."""

from collections.abc import Mapping, Sequence

import texts.editing
import texts.telegram
from datamodels import Recording
from datamodels_telegram import Button, Screen
from markups.callback_data import Action, button
from markups.text import LONGEST_ON_BUTTON, LONGEST_REASON, escaped, fits, plain
from recordings.lookup import is_ready
from text_cleaning import one_line
from texts.transcript import full_label
from transcription.editing.values import Edited, Found, OpenTranscript, Speaker, Turn
from transcription.glossary.store import Term
from utils import clock

MOST_SPEAKERS = 20
MOST_PLACES = 8
MOST_TERMS_ON_BUTTONS = 40
SHOWN_TEXT = 1500
"""Characters of a turn that a person can type anew; a longer one is corrected by «было → стало»."""
_LONGEST_LISTED = 60
_LONGEST_TERMS = 1200
_AROUND = 16


def number_of(speaker: str) -> int:
    """Return the number in a speaker's id, 2 for S2, which buttons carry."""
    return int(speaker.removeprefix("S"))


def label_of(speaker: Speaker) -> str:
    return full_label(speaker.role, speaker.id, speaker.name) or ""


def speakers_screen(opened: OpenTranscript, speakers: Sequence[Speaker], note: str = "") -> Screen:
    """Show who speaks in a transcript, below a ``note`` in HTML."""
    recording, transcript = opened.recording, opened.transcript
    title = texts.editing.SPEAKERS.format(number=recording.number, file_name=escaped(recording.file_name))
    lines = [
        texts.editing.SPEAKER_LINE.format(
            place=place,
            label=escaped(label_of(each), _LONGEST_LISTED),
            turns=texts.editing.TURNS.counted(each.turns),
            time=clock(each.seconds),
            quote=escaped(transcript.segments[each.longest].text, _LONGEST_LISTED),
        )
        for place, each in enumerate(speakers[:MOST_SPEAKERS], start=1)
    ]
    rows = [
        (_speaker_button(place, each, Action.SPEAKER, recording.number, number_of(each.id)),)
        for place, each in enumerate(speakers[:MOST_SPEAKERS], start=1)
    ]

    def text() -> str:
        more = (
            texts.editing.MORE_SPEAKERS.format(count=len(speakers) - len(lines)) if len(lines) < len(speakers) else ""
        )
        return "\n\n".join(filter(None, [note, title, "\n".join(lines), more, texts.editing.SPEAKERS_HINT]))

    while not fits(text()):
        lines.pop()
    return Screen(
        text=text(),
        keyboard=(
            *rows,
            (button(texts.editing.MOVE_TURN, Action.TURN, recording.number),),
            *_undo(recording, opened.version, can_undo=opened.can_undo),
            (button(texts.telegram.BACK, Action.RECORDING, recording.number),),
        ),
    )


def speaker_screen(
    opened: OpenTranscript, speaker: Speaker, roles: Sequence[str], known: Mapping[str, str], *, others: bool
) -> Screen:
    """Show a speaker with all that can be done; ``known`` has names out of the metadata, by the word on the button."""
    recording = opened.recording
    about = (recording.number, number_of(speaker.id))
    listen = [] if is_ready(recording) else [button(texts.editing.LISTEN, Action.SPEAKER_VOICE, *about)]
    names = [
        (_button(texts.editing.NAME_IS.format(name=name), Action.SPEAKER_IS, *about, word),)
        for word, name in known.items()
        if name != speaker.name
    ]
    chosen = [texts.editing.ROLE_CHOSEN if role == speaker.role else texts.editing.ROLE for role in roles]
    role_buttons = tuple(
        _button(form.format(role=role), Action.SPEAKER_ROLE, *about, place)
        for place, (form, role) in enumerate(zip(chosen, roles, strict=True), start=1)
    )
    return Screen(
        text=texts.editing.SPEAKER.format(
            number=recording.number,
            label=escaped(label_of(speaker)),
            quote=escaped(opened.transcript.segments[speaker.longest].text, LONGEST_REASON),
        ),
        keyboard=(
            (*listen, button(texts.editing.NAME, Action.SPEAKER_NAME, *about)),
            *names,
            *([role_buttons] if role_buttons else []),
            *([(button(texts.editing.MERGE, Action.SPEAKER_MERGE, *about),)] if others else []),
            (button(texts.telegram.BACK, Action.SPEAKERS, recording.number),),
        ),
    )


def merge_screen(recording: Recording, speaker: Speaker, others: Sequence[Speaker]) -> Screen:
    """Ask who a speaker really is."""
    about = (recording.number, number_of(speaker.id))
    rows = [
        (_speaker_button(number_of(each.id), each, Action.SPEAKER_MERGE, *about, number_of(each.id)),)
        for each in others[:MOST_SPEAKERS]
    ]
    return Screen(
        text=texts.editing.MERGE_WITH.format(number=recording.number, label=escaped(label_of(speaker))),
        keyboard=(*rows, (button(texts.telegram.BACK, Action.SPEAKER, *about),)),
    )


def ask_name(recording: Recording, speaker: Speaker, note: str = "") -> Screen:
    """Ask for a speaker's name, below a ``note`` in plain text."""
    text = texts.editing.ASK_NAME.format(number=recording.number, label=escaped(label_of(speaker)))
    return _asked(text, note, (button(texts.telegram.BACK, Action.SPEAKER, recording.number, number_of(speaker.id)),))


def ask_turn(recording: Recording, note: str = "") -> Screen:
    """Ask which turn is somebody else's."""
    text = texts.editing.ASK_TURN.format(number=recording.number)
    return _asked(text, note, (button(texts.telegram.BACK, Action.SPEAKERS, recording.number),))


def turn_screen(opened: OpenTranscript, turn: Turn, speakers: Sequence[Speaker]) -> Screen:
    """Ask whose a turn is."""
    recording = opened.recording
    about = (recording.number, opened.version, turn.first + 1, turn.last + 1)
    own = next((each for each in speakers if each.id == turn.speaker), None)
    others = [each for each in speakers if each.id != turn.speaker][: MOST_SPEAKERS - 1]
    rows = [
        (_speaker_button(number_of(each.id), each, Action.TURN_MOVE, *about, number_of(each.id)),) for each in others
    ]
    text = texts.editing.TURN.format(
        time=clock(turn.start), label=escaped(label_of(own)) if own else "", text=escaped(turn.text, LONGEST_REASON)
    )
    return Screen(
        text=text,
        keyboard=(
            *rows,
            (button(texts.editing.SOMEBODY_NEW, Action.TURN_MOVE, *about),),
            (button(texts.telegram.BACK, Action.SPEAKERS, recording.number),),
        ),
    )


def ask_words(recording: Recording, note: str = "") -> Screen:
    """Ask for what is wrong and how it should be."""
    text = texts.editing.ASK_WORDS.format(number=recording.number, file_name=escaped(recording.file_name))
    return _asked(text, note, (button(texts.telegram.BACK, Action.RECORDING, recording.number),))


def ask_text(opened: OpenTranscript, turn: Turn, label: str) -> Screen:
    """Ask for a turn as it should be; it can be copied by a tap."""
    text = texts.editing.ASK_TEXT.format(
        time=clock(turn.start), label=escaped(label), text=escaped(turn.text, SHOWN_TEXT)
    )
    return _asked(text, "", (button(texts.telegram.BACK, Action.WORDS, opened.recording.number),))


def places_screen(opened: OpenTranscript, found: Sequence[Found], wanted: str, replacement: str) -> Screen:
    """Ask where to put right what stands at several places."""
    about = (opened.recording.number, opened.version)
    rows = [
        (_button(texts.editing.PLACE.format(time=clock(each.start), text=_around(each)), Action.WORDS_AT, *about, at),)
        for each in found[:MOST_PLACES]
        for at in [each.position + 1]
    ]
    count = sum(len(each.places) for each in found)
    text = texts.editing.PLACES.format(wanted=escaped(wanted), replacement=escaped(replacement), count=count)
    return Screen(
        text=text,
        keyboard=(
            (button(texts.editing.EVERYWHERE.format(count=count), Action.WORDS_AT, *about),),
            *rows,
            (button(texts.telegram.CANCEL, Action.WORDS, opened.recording.number),),
        ),
    )


def corrected_screen(recording: Recording, edited: Edited, told: str, term: str | None) -> Screen:
    """Tell ``told``, in HTML, what was corrected; offer to undo it, and to keep ``term`` in the glossary."""
    keep = texts.editing.TO_GLOSSARY.format(term=term or "")
    return Screen(
        text=f"{told}\n{texts.editing.WHAT_FOLLOWS}" if edited.segments != {} else told,
        keyboard=(
            *([(_button(keep, Action.GLOSSARY_KEEP),)] if term else []),
            (button(texts.editing.MORE_WORDS, Action.WORDS, recording.number),),
            *_undo(recording, edited.version, can_undo=edited.can_undo and edited.segments != {}),
            (button(texts.telegram.BACK, Action.RECORDING, recording.number),),
        ),
    )


def glossary_screen(terms: Sequence[Term], *, curates: bool, note: str = "") -> Screen:
    """Show the glossary; ``curates`` offers to change the team's terms as well."""
    own, team = ([each.term for each in terms if each.is_team is is_team] for is_team in (False, True))
    blocks = [
        note,
        texts.editing.GLOSSARY_TITLE,
        texts.editing.GLOSSARY_OWN.format(terms=_listed(own)) if own else "",
        texts.editing.GLOSSARY_TEAM.format(terms=_listed(team)) if team else "",
        "" if terms else texts.editing.GLOSSARY_EMPTY,
    ]
    add = [button(texts.editing.GLOSSARY_ADD, Action.GLOSSARY_ADD)]
    if curates:
        add.append(button(texts.editing.GLOSSARY_ADD_TEAM, Action.GLOSSARY_ADD, "team"))
    removable = own or (curates and team)
    return Screen(
        text="\n\n".join(filter(None, blocks)),
        keyboard=(
            tuple(add),
            *([(button(texts.editing.GLOSSARY_REMOVE, Action.GLOSSARY_REMOVE),)] if removable else []),
            (button(texts.telegram.BACK, Action.MENU_STORAGE),),
        ),
    )


def remove_term_screen(terms: Sequence[Term], *, curates: bool) -> Screen:
    """Ask which term to remove."""
    shown = [each for each in terms if curates or not each.is_team][:MOST_TERMS_ON_BUTTONS]
    rows = [
        (
            _button(
                texts.editing.TEAM_TERM.format(term=each.term) if each.is_team else each.term,
                Action.GLOSSARY_REMOVE,
                each.id,
            ),
        )
        for each in shown
    ]
    back = (button(texts.telegram.BACK, Action.GLOSSARY),)
    return Screen(text=texts.editing.GLOSSARY_WHICH, keyboard=(*rows, back))


def ask_term(note: str = "", *, for_team: bool) -> Screen:
    """Ask for terms of the glossary."""
    text = texts.editing.GLOSSARY_ASK_TEAM if for_team else texts.editing.GLOSSARY_ASK
    return _asked(text, note, (button(texts.telegram.BACK, Action.GLOSSARY),))


def fragment_caption(recording: Recording, speaker: Speaker, start: float, end: float) -> Screen:
    """Return the caption of a piece of sound by which a speaker is known."""
    caption = texts.editing.FRAGMENT.format(
        label=escaped(label_of(speaker)), number=recording.number, start=clock(start), end=clock(end)
    )
    return Screen(text=caption)


def _speaker_button(place: int, speaker: Speaker, action: Action, *arguments: int) -> Button:
    return _button(texts.editing.SPEAKER_ON_BUTTON.format(place=place, label=label_of(speaker)), action, *arguments)


def _button(text: str, action: Action, *arguments: str | int) -> Button:
    return button(plain(text, LONGEST_ON_BUTTON), action, *arguments)


def _undo(recording: Recording, version: int, *, can_undo: bool) -> tuple[tuple[Button, ...], ...]:
    return ((button(texts.editing.UNDO, Action.WORDS_UNDO, recording.number, version),),) if can_undo else ()


def _asked(text: str, note: str, back: tuple[Button, ...]) -> Screen:
    return Screen(text=f"{escaped(note, LONGEST_REASON)}\n\n{text}" if note else text, keyboard=(back,))


def _around(found: Found) -> str:
    start, end = found.places[0]
    return one_line(found.text[max(0, start - _AROUND) : end + _AROUND])


def _listed(terms: Sequence[str]) -> str:
    shown, length = [], 0
    for term in terms:
        length += len(term) + 2
        if length > _LONGEST_TERMS:
            break
        shown.append(escaped(term))
    more = len(terms) - len(shown)
    return ", ".join(shown) + (texts.editing.GLOSSARY_MORE.format(count=more) if more else "")
