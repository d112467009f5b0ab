"""Corrections of a transcript as pages and the JSON interface take them, each an edit of ``transcription.editing``.

An edit names the ``version`` that its person saw. Texts are another matter: a person types while a second window stores
other utterances, so a text names by ``mark`` what it was typed upon, and is refused only where that has changed.
"""

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field, TypeAdapter

from datamodels import UserId
from errors import NotFound
from text_cleaning import storable
from transcription.editing.service import TranscriptEditing
from transcription.editing.values import Edited, OpenTranscript, Search


class _Edit(BaseModel):
    version: int


class TextEdit(_Edit):
    """Correct what is said at a position; ``mark`` is that of the text that was there. ``speaker`` says who said it."""

    change: Literal["text"]
    position: int
    mark: str = ""
    text: str = ""
    speaker: str = ""


class SpeakerEdit(_Edit):
    """Give what is said at a position to a speaker, or to "new"."""

    change: Literal["speaker"]
    position: int
    speaker: str


class NameEdit(_Edit):
    """Say who a speaker is; "" takes the name away."""

    change: Literal["name"]
    speaker: str
    name: str = ""


class RoleEdit(_Edit):
    """Give a speaker a role of the recording's scenario; "" for none."""

    change: Literal["role"]
    speaker: str
    role: str = ""


class MergeEdit(_Edit):
    """Make two speakers one, who is ``into``."""

    change: Literal["merge"]
    speaker: str
    into: str


class ReplaceEdit(_Edit):
    """Replace words everywhere, or at one position. ``parts`` finds them inside of words, too."""

    change: Literal["replace"]
    wanted: str
    replacement: str = ""
    position: int | None = None
    match_case: bool = False
    parts: bool = False


class SplitEdit(_Edit):
    """Make two utterances of the one at a position, the first with the ``text`` with which it begins."""

    change: Literal["split"]
    position: int
    text: str


class JoinEdit(_Edit):
    """Make one utterance of the one at a position and the one before, whose speaker it keeps."""

    change: Literal["join"]
    position: int


class UndoEdit(_Edit):
    """Take the last change back."""

    change: Literal["undo"]


class RedoEdit(_Edit):
    """Do again what was taken back last, while nothing else was changed."""

    change: Literal["redo"]


Edit = (
    TextEdit | SpeakerEdit | NameEdit | RoleEdit | MergeEdit | ReplaceEdit | SplitEdit | JoinEdit | UndoEdit | RedoEdit
)
IN_FORMS: TypeAdapter[Edit] = TypeAdapter(Annotated[Edit, Field(discriminator="change")])


class Applied(NamedTuple):
    """What an edit did. ``others`` tells that somebody else's changes, which its person has not seen, came before."""

    edited: Edited
    others: bool = False


def search(wanted: str, *, match_case: bool, parts: bool) -> Search:
    """Return what is to be found, as a person typed it."""
    return Search(wanted=storable(wanted), match_case=match_case, whole_words=not parts)


async def apply(editing: TranscriptEditing, owner: UserId, number: int, edit: Edit) -> Applied:
    """Make an edit; raises as every edit of ``TranscriptEditing``."""
    version = edit.version
    match edit:
        case TextEdit():
            return await _with_text(editing, owner, number, edit)
        case SpeakerEdit():
            made = await editing.move(owner, number, version, [edit.position], edit.speaker)
        case NameEdit():
            made = await editing.name_speaker(owner, number, version, edit.speaker, edit.name)
        case RoleEdit():
            made = await editing.choose_role(owner, number, version, edit.speaker, edit.role or None)
        case MergeEdit():
            made = await editing.merge(owner, number, version, edit.speaker, edit.into)
        case ReplaceEdit():
            wanted = search(edit.wanted, match_case=edit.match_case, parts=edit.parts)
            positions = None if edit.position is None else [edit.position]
            made = await editing.replace_all(owner, number, version, wanted, edit.replacement, positions)
        case SplitEdit():
            made = await editing.split(owner, number, version, edit.position, edit.text)
        case JoinEdit():
            made = await editing.join(owner, number, version, edit.position)
        case UndoEdit() | RedoEdit():
            turn = editing.undo if isinstance(edit, UndoEdit) else editing.redo
            made = await turn(owner, number, version)
    return Applied(made)


async def _with_text(editing: TranscriptEditing, owner: UserId, number: int, edit: TextEdit) -> Applied:
    marks = {edit.position: edit.mark} if edit.mark else None
    made = await editing.replace_texts(owner, number, edit.version, {edit.position: edit.text}, marks=marks)
    # The same text again is a form that was sent twice, or a save whose answer was lost.
    expected = {edit.version + 1} if made.segments else {edit.version, edit.version + 1}
    others = made.version not in expected
    if edit.speaker:
        position = await editing.place_of(owner, number, edit.version, edit.position)
        made = await editing.move(owner, number, made.version, [position], edit.speaker)
    return Applied(made, others)


def text_at(opened: OpenTranscript, position: int) -> str:
    """Return what is said at a position.

    Raises:
        NotFound: there is no such position.
    """
    segments = opened.transcript.segments
    if not 0 <= position < len(segments):
        raise NotFound(what=f"segment {position}")
    return segments[position].text
