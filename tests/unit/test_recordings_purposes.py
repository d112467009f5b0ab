"""What a voice note may be, by what Telegram tells of it."""

import pytest

from datamodels_telegram import AttachedFile, ChatId, FileKind, IncomingMessage, MessageId, TelegramPerson
from recordings.purposes import may_be_question, may_be_reply

VOICE = AttachedFile(kind=FileKind.VOICE, file_name="voice.ogg", size_bytes=20_000, duration_s=4)
ANNA = TelegramPerson(id=1, name="Анна")


@pytest.mark.parametrize(
    ("change", "caption", "origin", "question", "reply"),
    [
        ({}, "", "", True, True),
        ({"duration_s": 59}, "", "", True, True),
        ({"duration_s": 60}, "", "", False, False),
        ({"duration_s": None}, "", "", False, False),
        ({"duration_s": 0}, "", "", False, False),
        ({"size_bytes": 4 * 1024**2 + 1}, "", "", False, False),
        ({"kind": FileKind.VIDEO_NOTE}, "", "", False, True),
        ({"kind": FileKind.AUDIO}, "", "", False, False),
        ({}, "17", "", False, True),
        ({}, "", "Борис", False, False),
    ],
)
def test_a_short_voice_note_of_ones_own_may_be_words(
    change: dict[str, object], caption: str, origin: str, question: bool, reply: bool
) -> None:
    file = VOICE.model_copy(update=change)
    message = IncomingMessage(
        chat_id=ChatId(1), message_id=MessageId(2), person=ANNA, text=caption, file=file, origin=origin
    )
    assert may_be_question(file, caption, origin) is question
    assert may_be_reply(message) is reply
