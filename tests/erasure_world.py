"""A person who has something in every place there is, each with a mark that stands nowhere else."""

from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import reports_store
from avatars.service import Avatars
from avatars_world import RULES
from datamodels import NewReportFile, Recording, ReportRunId, Segment, User, UserId
from db import Database
from default_pack import PACK
from handlers_world import Bot, Person
from jobs.erasing import Erasing, ErasingWork
from jobs.handover import Handover
from knowledge.documents import Documents
from object_store import key_for_transcript
from recordings.changes import RecordingChanges
from reports.archive import ReportArchive
from reports.research.forgetting import ResearchForgetting
from research_world import add_interview

NAME = "Аннелиза Безымянова"
TELEGRAM_ID = 7_700_000_123
SAID = "жемчужный завтрак на веранде"
RECORDED = {
    "said": SAID,
    "caption": "подпись с янтарём",
    "file name": "опаловая беседа.ogg",
    "place": "Хрусталёво",
    "report": "вывод про малахит",
    "title": "Переименован в гранат",
    "document": "регламент бирюзы",
}
"""What somebody else may take over."""
PERSONAL = {
    "name": NAME,
    "telegram": str(TELEGRAM_ID),
    "question": "вопрос про опоссума",
    "answer": "ответ про утконоса",
    "comment": "отзыв про выхухоль",
    "chat": "беседа о ламантине",
    "dialog": "черновик про нарвала",
    "message": "сообщение про тапира",
    "term": "Ехидновск",
    "speech": "озвучка про кускуса",
    "upload": "ленивец.ogg",
    "refused": "броненосец.pdf",
    "avatar": "Аватар Вомбат",
    "prompt": "картина с трубкозубом",
    "photo": "снимок сурка",
    "spooled": "кусок файла с бобром",
    "heard": "голосовое о бурундуке",
}
MARKS = {**RECORDED, **PERSONAL}
GUEST = (
    Segment(start=0.0, end=7, text="Что скажете о завтраке?", speaker="Сотрудник", role="Сотрудник"),
    Segment(start=8.0, end=15, text="На завтраке не хватало горячих блюд.", speaker="Клиент", role="Клиент"),
    Segment(start=16.0, end=23, text=f"Зато {SAID}, спасибо.", speaker="Клиент", role="Клиент"),
)

# Each row of a table in which a person may have something; what is here holds the person's marks.
_ROWS = (
    "UPDATE recordings SET caption = %(caption)s, file_name = %(file name)s WHERE id = %(recording)s",
    "INSERT INTO recording_wizards (recording_id, owner_id, chat_id, step) "
    "VALUES (%(recording)s, %(me)s, %(chat_id)s, 'reports')",
    "INSERT INTO transcript_versions (recording_id, version, change, author_id) "
    "VALUES (%(others)s, 1, 'words', %(me)s) ON CONFLICT (recording_id, version) DO UPDATE SET author_id = %(me)s",
    "INSERT INTO documents (id, owner_id, name, sha256, text) "
    "VALUES (gen_random_uuid(), %(me)s, 'Регламент.docx', repeat('d', 64), %(document)s)",
    "INSERT INTO incoming_files (owner_id, chat_id, message_id, file, caption, state, recording_id, finished_at) "
    "VALUES (%(me)s, %(chat_id)s, 1, jsonb_build_object('file_name', %(file name)s::text), %(caption)s, 'stored', "
    "%(recording)s, now())",
    "INSERT INTO incoming_files (owner_id, chat_id, message_id, file, state, finished_at) "
    "VALUES (%(me)s, %(chat_id)s, 2, jsonb_build_object('file_name', %(refused)s::text), 'refused', now())",
    "INSERT INTO spoken_words (id, incoming_id, words) SELECT gen_random_uuid(), id, %(heard)s FROM incoming_files "
    "WHERE chat_id = %(chat_id)s AND message_id = 2",
    "INSERT INTO spoken_questions (id, owner_id, sha256, words) VALUES (gen_random_uuid(), %(me)s, 's', %(heard)s)",
    "INSERT INTO sent_documents (incoming_id, number) SELECT id, 1 FROM incoming_files "
    "WHERE chat_id = %(chat_id)s AND message_id = 2",
    "INSERT INTO progress_cards (kind, owner_id, chat_id, recording_id, random_id, expected) "
    "VALUES ('recording', %(me)s, %(chat_id)s, %(recording)s, 1, %(message)s)",
    "INSERT INTO chats (owner_id, number, title) VALUES (%(me)s, 1, %(chat)s)",
    "INSERT INTO chat_questions (owner_id, chat_number, text, door, key) "
    "VALUES (%(me)s, 1, %(question)s, 'telegram', %(chat_id)s || ':1')",
    "INSERT INTO chat_answers (id, question_id, kind, status, basis, text, finished_at, delivered_at) "
    "SELECT %(answer_id)s, id, 'fast', 'done', 'model', %(answer)s, now(), now() "
    "FROM chat_questions WHERE owner_id = %(me)s",
    "INSERT INTO question_proposals (id, answer_id, questions, return_to) "
    "VALUES (gen_random_uuid(), %(answer_id)s, jsonb_build_array(%(question)s::text), '{}')",
    "INSERT INTO conversations (answer_id, owner_id, rating, comment, rated_at) "
    "VALUES (%(answer_id)s, %(me)s, 5, %(comment)s, now())",
    "INSERT INTO user_states (user_id, key, value) "
    "VALUES (%(me)s, 'preferences', jsonb_build_object('note', %(dialog)s::text))",
    "INSERT INTO outbox (key, owner_id, chat_id, message, random_id, sent_at) "
    "VALUES ('mark', %(me)s, %(chat_id)s, jsonb_build_object('text', %(message)s::text), 1, now())",
    "INSERT INTO seen_updates (kind, chat_id, update_id, message_id, person_id, person_name, done_at) "
    "VALUES ('message', %(chat_id)s, 1, 1, %(chat_id)s, %(name)s, now())",
    "INSERT INTO sent_messages (chat_id, message_id, kind) VALUES (%(chat_id)s, 5, 'menu')",
    "INSERT INTO glossary_terms (owner_id, term, folded) VALUES (%(me)s, %(term)s, lower(%(term)s))",
    "INSERT INTO web_links (code_hash, user_id, expires_at) VALUES (sha256('a'), %(me)s, now() + interval '1 day')",
    "INSERT INTO web_sessions (token_hash, user_id, expires_at) VALUES (sha256('b'), %(me)s, now() + interval '1 day')",
    "INSERT INTO web_uploads (id, owner_id, file_name, size_bytes, scenario, state) "
    "VALUES (%(upload_id)s, %(me)s, %(upload)s, 9, 'interview', 'receiving')",
    "INSERT INTO takeouts (owner_id, chat_id, extension, random_id) VALUES (%(me)s, %(chat_id)s, 'zip', 1)",
    "INSERT INTO speeches (id, owner_id, kind, answer_id, title, text, is_whole, voice, key, pieces) "
    "VALUES (gen_random_uuid(), %(me)s, 'answer', %(answer_id)s, 't', %(speech)s, true, 'v', 'k', 1)",
    "INSERT INTO recording_shares (recording_id, person_id) VALUES (%(others)s, %(me)s)",
    "INSERT INTO consents (user_id, version, text) VALUES (%(me)s, 'v1', 'notice')",
    "INSERT INTO hourly_uses (feature, owner_id) VALUES ('speeches', %(me)s)",
    "INSERT INTO person_limits (person, resource, amount) VALUES (%(me)s, 'tokens', 5) ON CONFLICT DO NOTHING",
    "INSERT INTO limit_uses (work, resource, owner_id, subject, month, reserved, exact, state) "
    "VALUES (gen_random_uuid(), 'tokens', %(me)s, gen_random_uuid(), '2026-11-01', 5, false, 'released')",
    "INSERT INTO invitations (code_hash, role, made_by, uses, expires_at) "
    "VALUES (sha256('c'), 'guest', %(me)s, 1, now() + interval '1 day')",
    "INSERT INTO avatars (id, owner_id, number, chat_id, name, gender, consent_at, status, is_test, card_random_id) "
    "VALUES (%(avatar_id)s, %(me)s, 1, %(chat_id)s, %(avatar)s, 'female', now(), 'photos_uploading', true, 1)",
    "INSERT INTO avatar_photos (id, avatar_id, object_key) "
    "VALUES (gen_random_uuid(), %(avatar_id)s, 'avatars/' || %(me)s || '/' || %(avatar_id)s || '/photos/1.jpg')",
    "INSERT INTO image_orders (id, owner_id, avatar_id, kind, number, occasion, state, quota, trainer, prompt, "
    "price_usd, is_test, ended_at) VALUES (gen_random_uuid(), %(me)s, %(avatar_id)s, 'picture', 1, 'o', 'failed', "
    "'released', 't', %(prompt)s, 0, true, now())",
    # Another person has forwarded something of this one's.
    "INSERT INTO incoming_files (owner_id, chat_id, message_id, file, state, origin, finished_at) "
    "VALUES (%(other)s, 8, 8, '{}', 'refused', %(name)s, now()) "
    "ON CONFLICT (chat_id, message_id) DO UPDATE SET origin = %(name)s",
)


async def come(bot: Bot) -> Person:
    """The person with the marks, who has nothing yet."""
    async with bot.database.transaction() as connection:
        query = "INSERT INTO users (id, telegram_id, name, role, granted) VALUES (%s, %s, %s, 'user', 'user')"
        await connection.execute(query, (me := UserId(uuid4()), TELEGRAM_ID, NAME))
        row = await (await connection.execute("SELECT * FROM users WHERE id = %s", (me,))).fetchone()
    assert row is not None
    fields = {name: row[name] for name in User.model_fields}
    return Person(bot, User.model_validate(fields))


async def give_everything(bot: Bot, me: UserId, other: UserId, others: Recording, folder: Path) -> Recording:
    """Give a person something everywhere; ``other`` has ``others``, and what names the person. Return the recording."""
    async with bot.database.transaction() as connection:
        recording = await add_interview(connection, me, 1, MARKS["place"], segments=GUEST)
        answer, upload, avatar = uuid4(), uuid4(), uuid4()
        ids = {"answer_id": answer, "upload_id": upload, "avatar_id": avatar, "recording": recording.id}
        for query in _ROWS:
            await connection.execute(
                query, {**MARKS, **ids, "me": me, "chat_id": TELEGRAM_ID, "other": other, "others": others.id}
            )
        run = uuid4()
        await connection.execute(
            "INSERT INTO report_runs (id, recording_id, owner_id, number, scenario, report_id, input_hash, "
            "prompt_hash, model, status, passes_total, text, finished_at) "
            "VALUES (%s, %s, %s, 1, 'interview', 'report_int_links', 'i', 'p', 'm', 'done', 1, %s, now())",
            (run, recording.id, me, MARKS["report"]),
        )
        [report] = [each for each in await reports_store.list_named(connection, me) if each["id"] == run]
        await connection.execute("SELECT nextval('chunk_versions')")
    entry = NewReportFile(
        id=ReportRunId(run),
        title=MARKS["title"],
        recording_number=recording.number,
        recording_file_name=MARKS["file name"],
        report_id=report["report_id"],
        label="Отчёт",
        created_at=recording.created_at,
    )
    await bot.archive.save(me, entry, MARKS["report"])
    await _store(bot, recording.object_key, SAID, folder)
    await _store(bot, key_for_transcript(me, recording.id), SAID, folder)
    await _store(bot, f"avatars/{me}/{avatar}/photos/1.jpg", MARKS["photo"], folder)
    for place in (f"uploads/{upload}", f"{recording.id}/original.part"):
        path = folder / "spool" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MARKS["spooled"])
    return recording


async def _store(bot: Bot, key: str, content: str, folder: Path) -> None:
    path = folder / "object"
    path.write_text(content)
    await bot.objects.put_file(key, path, sha256=sha256(content.encode()).hexdigest(), file_name=MARKS["file name"])
    path.unlink()


def erasing_of(bot: Bot, folder: Path, database: Database | None = None) -> Erasing:
    """What erases people; with a ``database`` of its own it may die at any moment."""
    database = database or bot.database
    files = bot.archive.files
    archive, research = ReportArchive(database, files, PACK), ResearchForgetting(database, files, PACK)
    stopped, enqueue = bot.jobs.stopped, bot.jobs.enqueue_recording
    changes = RecordingChanges(database, bot.objects, files, PACK, enqueue, stopped, research.forget)

    async def nothing(connection: object, order: UUID) -> None:
        """Stands for the job of an order."""

    work = ErasingWork(
        objects=bot.objects,
        files=files,
        changes=changes,
        documents=Documents(database),
        handover=Handover(database, bot.objects, archive, research, stopped, folder / "spool"),
        conversations=bot.storage,
        spool=folder / "spool",
        end_work=bot.jobs.end_work_of,
        erase_avatars=Avatars(database, RULES, nothing).erase_all,
    )
    return Erasing(database, work)
