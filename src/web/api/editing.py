"""Corrections of transcripts: what can be corrected, and edits of it."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request

from datamodels import Segment, UserId
from system.local_time import in_zone
from transcription.editing.changes import mark_of
from web.api.models import EditableOut, EditedOut, OfferedSpeakerOut, UtteranceOut
from web.editing import Stretch, in_words, stretch
from web.edits import Edit, TextEdit, apply
from web.people import Recording
from web.services import Services
from web.site import services_of


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["recordings"])

    @router.get("/recordings/{number}/transcript/editing")
    async def get_editable(
        request: Request,
        visitor: Recording,
        number: int,
        first: Annotated[int, Query(ge=0)] = 0,
        version: Annotated[int | None, Query(ge=0)] = None,
    ) -> EditableOut:
        """Return a stretch of a transcript to be corrected, which begins with what was at ``first`` in ``version``."""
        services = services_of(request)
        if version is not None:
            first = await services.editing.place_of(visitor.user.id, number, version, first)
        shown = await _opened(services, visitor.user.id, number, first)
        with in_zone(visitor.zone):
            undoes_told = None if shown.opened.last is None else in_words(shown.opened.last)
        return EditableOut(
            version=shown.opened.version,
            can_undo=shown.opened.can_undo,
            undoes=None if shown.opened.last is None else shown.opened.last.version,
            undoes_told=undoes_told,
            redoes=shown.opened.redoes,
            moved=shown.opened.moved,
            total=shown.total,
            speakers=_speakers(shown),
            utterances=[_utterance(position, each) for position, each, _ in shown.utterances],
        )

    @router.post("/recordings/{number}/transcript/edits")
    async def edit(
        request: Request, visitor: Recording, number: int, edit: Annotated[Edit, Body(discriminator="change")]
    ) -> EditedOut:
        """Correct a transcript; 409 when it is not of the version, or the text not of the mark, that was seen."""
        services, owner = services_of(request), visitor.user.id
        edited, others = await apply(services.editing, owner, number, edit)
        segments, speakers = edited.segments, None
        if segments is not None and (not isinstance(edit, TextEdit) or edit.speaker):
            # Who speaks may have changed, and by whose number: as a person who opens it now would see it.
            shown = await _opened(services, owner, number, 0)
            speakers = _speakers(shown)
            now = shown.opened.transcript.segments
            segments = {position: now[position] for position in segments}
        return EditedOut(
            version=edited.version,
            can_undo=edited.can_undo,
            undoes=edited.undoes,
            redoes=edited.redoes,
            others=others,
            speakers=speakers,
            utterances=None if segments is None else [_utterance(*each) for each in segments.items()],
        )

    return router


async def _opened(services: Services, owner: UserId, number: int, first: int) -> Stretch:
    return await stretch(await services.editing.open(owner, number), first)


def _utterance(position: int, segment: Segment) -> UtteranceOut:
    mark = mark_of(segment.text)
    return UtteranceOut(position=position, speaker=segment.speaker, text=segment.text, mark=mark)


def _speakers(shown: Stretch) -> list[OfferedSpeakerOut]:
    return [OfferedSpeakerOut(id=each, label=label) for each, label in shown.labels.items()]
