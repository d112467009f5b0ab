"""Documents in the chat: whoever may load them sees and removes all of them, whoever loaded them."""

from pathlib import Path

import pytest

import incoming_store
from datamodels import Role
from datamodels_telegram import IncomingState
from db import Database
from errors import NotFound
from handlers_world import MB, Bot, Person
from knowledge.documents import Documents
from object_store import ObjectStore
from reviewed_storyboards import is_as_reviewed
from told_double import ToldDouble


async def loads(person: Person, folder: Path, name: str) -> int:
    """Load a document of the person, whose text no other has; return its number."""
    path = folder / name
    path.write_text(f"Завтрак подают с семи до одиннадцати. {name} {person.user.id}", encoding="utf-8")
    return (await Documents(person.bot.database).load(person.user.id, path, name)).number


@pytest.mark.parametrize(
    ("role", "state", "code"),
    [
        (Role.USER, IncomingState.REFUSED, "document_not_allowed"),
        (Role.ADMIN, IncomingState.WAITING, None),
        (Role.SUPER_ADMIN, IncomingState.WAITING, None),
    ],
)
@pytest.mark.parametrize("name", ["Стандарты.PDF", "стандарты.md"])
async def test_documents_are_taken_in_from_those_who_may_load_them(
    bot: Bot, name: str, role: Role, state: IncomingState, code: str | None
) -> None:
    person = await Person.come(bot, role=role)
    await person.send(name)
    async with bot.database.transaction() as connection:
        query = "SELECT id FROM incoming_files WHERE owner_id = %s"
        [row] = await (await connection.execute(query, (person.user.id,))).fetchall()
        file = await incoming_store.get(connection, person.user.id, row["id"])
    assert (file.state, file.error_code, file.scenario) == (state, code, None)


async def test_a_document_above_the_limit_is_refused_before_it_is_fetched(bot: Bot) -> None:
    admin = await Person.come(bot, role=Role.ADMIN)
    await admin.send("Книга.pdf", 51 * MB)
    async with bot.database.transaction() as connection:
        query = "SELECT error_text FROM incoming_files WHERE owner_id = %s"
        [row] = await (await connection.execute(query, (admin.user.id,))).fetchall()
    assert "можно до 500 страниц и 50 МБ" in row["error_text"]


async def test_any_admin_finds_and_removes_a_document_and_others_have_no_way_to_it(bot: Bot, tmp_path: Path) -> None:
    anna, boris = [await Person.come(bot, name, Role.ADMIN) for name in ("Анна", "Борис")]
    number = await loads(anna, tmp_path, "Стандарты сети.txt")
    await boris.press_data("menu_storage")
    await boris.press("📚 Документы")
    assert f"[№{number} · Стандарты сети.txt · " in boris.sees
    [opening] = [button.text for _, button in boris.buttons if f"№{number} " in button.text]
    await boris.press(opening)
    assert f"📚 <b>Документ №{number}</b>\nСтандарты сети.txt\n" in boris.sees
    assert ": Анна\nЗнаков: " in boris.sees
    assert "⏳ Готовится к поиску" in boris.sees
    await boris.press("🗑 Удалить")
    await boris.press("❌ Отмена")
    await boris.press("🗑 Удалить")
    await boris.press("🗑 Да, удалить")
    assert boris.heard == [f"Документ №{number} удалён"]
    assert "Стандарты сети" not in boris.sees
    await anna.press_data(f"document_delete_confirm||{number}")
    assert anna.heard == ["Этого документа уже нет"]
    with pytest.raises(NotFound):
        await anna.press_data(f"document||{number}")

    user = await Person.come(bot)
    await user.press_data("menu_storage")
    assert "Документы" not in user.sees


async def test_many_documents_are_turned_page_by_page(bot: Bot, tmp_path: Path) -> None:
    admin = await Person.come(bot, role=Role.ADMIN)
    first = await loads(admin, tmp_path, "1.txt")
    for place in range(10):
        await loads(admin, tmp_path, f"ещё {place}.txt")
    await admin.press_data("documents||1")
    assert f"[№{first} · " not in admin.sees
    await admin.press("▶")
    assert f"[№{first} · " in admin.sees
    for page in (99, 10**17):
        await admin.press_data(f"documents||{page}")
        assert f"[№{first} · " in admin.sees
    with pytest.raises(NotFound):
        await admin.press_data(f"document||{10**17}")


async def test_the_storyboard_is_as_it_was_reviewed(followed: Database, tmp_path: Path, objects: ObjectStore) -> None:
    telegram = ToldDouble()
    anna = await Person.come(Bot(followed, tmp_path, objects, telegram), "Анна", Role.ADMIN)
    await loads(anna, tmp_path, "Стандарты сети.txt")
    telegram.tell("Анна presses [📦 Хранилище]")
    await anna.press_data("menu_storage")
    await anna.press("📚 Документы")
    await anna.press(next(each.text for _, each in anna.buttons if "Стандарты сети" in each.text))
    await anna.press("🗑 Удалить")
    await anna.press("🗑 Да, удалить")
    is_as_reviewed("documents", telegram.told)
