"""Avatars, from a name to pictures: what people see, what is kept, what is paid, whatever fails between."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from avatar_photos import photo, saved_anew
from avatars_world import AvatarBot, Sitter
from fal_server import FalServer, Fault, fal_server
from handlers_world import Bot, Person

SUBMIT = ("POST", "flux-lora-portrait-trainer")
STATUS, RESULT, FILES = ("GET", "/status"), ("GET", ""), ("GET", ".safetensors")


@pytest.fixture
async def service() -> AsyncIterator[FalServer]:
    async with fal_server() as server:
        yield server


@pytest.fixture
async def world(bot: Bot, service: FalServer, tmp_path: Path) -> AsyncIterator[AvatarBot]:
    world = AvatarBot(bot, service, tmp_path)
    yield world
    await world.queue.close()


@pytest.fixture
async def anna(world: AvatarBot) -> Sitter:
    return Sitter(world, await Person.come(world.bot))


async def test_from_a_name_to_a_picture_and_back(anna: Sitter, world: AvatarBot, service: FalServer) -> None:
    person = anna.person
    await anna.begins()
    assert "Фотографий: <b>0</b> из 20" in person.sees
    await anna.sends_good(9)
    assert "Фотографий: <b>9</b> из 20" in person.sees
    await person.press_data("avatar_start||1")
    assert person.heard[-1] == "Для обучения нужно от 10 до 20 подходящих фотографий, а принято 9."
    await anna.sends_good(1)
    assert "около $6,00" in person.sees
    await person.press("🚀 Обучить за $6,00")
    assert "Готовлю фотографии" in person.sees
    await world.work()
    assert "✔ Обучен. Картинок: 0" in person.sees
    assert "✔ Аватар <b>Анна</b> обучен." in person.sees
    assert await anna.objects() == ["photos.jpg"] * 10 + ["training.safetensors"]
    [training] = service.orders
    assert training.body["steps"] == 2500
    assert training.body["trigger_phrase"].endswith(" woman")
    await world.cleaning.clean()
    assert await anna.objects() == ["training.safetensors"]

    await person.press("🎨 Нарисовать")
    await person.press("9:16")
    await person.type("в очках у окна", person.written("").message_id)
    await world.work()
    assert "🎨 1. в очках у окна" in person.sees
    painted = service.orders[1]
    assert painted.body["image_size"] == {"width": 720, "height": 1280}
    assert painted.body["prompt"].endswith("в очках у окна")
    await person.press("👤 Открыть аватар")
    await person.press("🖼 Картинки (1)")
    assert "1. в очках у окна" in person.sees
    await person.press_data("picture_delete||1")
    await world.cleaning.clean()
    assert await anna.objects() == ["training.safetensors"]
    assert service.double.erased == [painted.id]
    assert [order["quota"] for order in await anna.orders()] == ["committed", "committed"]

    await person.press_data("avatar_delete_confirm||1")
    assert "Аватар удалён" in person.sees
    await world.cleaning.clean()
    assert await anna.objects() == []
    assert service.double.erased == [painted.id, training.id]
    assert await world.avatars.all_of(person.user.id) == []


async def test_photographs_are_refused_with_a_reason_and_the_twenty_first_too(anna: Sitter) -> None:
    await anna.begins()
    await anna.sends(photo(1), photo(1), saved_anew(1), photo(2, blur=8), b"no picture")
    sees = anna.person.sees
    for reason in ("точно такая же уже есть (1)", "почти такая же уже есть (1)", "размыта (1)", "не jpg, png"):
        assert reason in sees
    await anna.sends(photo(3), size=21 * 1024 * 1024)
    assert "она больше 20" in anna.person.sees
    await anna.sends_good(20)
    assert "Фотографий: <b>20</b> из 20" in anna.person.sees
    assert "уже принято 20 (1)" in anna.person.sees


async def test_a_hundred_taps_order_one_training(anna: Sitter, world: AvatarBot, service: FalServer) -> None:
    await anna.begins()
    await anna.sends_good(10)
    started = await asyncio.gather(
        *(world.avatars.start(anna.person.user.id, 1, f"tap {number}") for number in range(100))
    )
    assert sum(started) == 1
    await world.work()
    assert len(service.orders) == len(await anna.orders()) == 1


async def test_what_is_one_persons_is_nobody_elses(anna: Sitter, world: AvatarBot) -> None:
    await anna.has_trained()
    await world.avatars.paint(anna.person.user.id, 1, "square", "портрет", "1")  # type: ignore[arg-type]
    await world.work()
    boris = await Person.come(world.bot, "Борис")
    await boris.press_data("avatars")
    assert "Анна" not in boris.sees
    owner, avatars = boris.user.id, world.avatars
    for call in (
        avatars.card(owner, 1),
        avatars.consent(owner, 1),
        avatars.start(owner, 1, ""),
        avatars.cancel(owner, 1),
        avatars.delete(owner, 1),
        avatars.gallery(owner, 1, 1, 8),
        avatars.picture(owner, 1),
        avatars.delete_picture(owner, 1),
    ):
        with pytest.raises(Exception, match="avatar 1|picture 1"):
            await call
    assert len(await anna.objects()) == 12


@pytest.mark.parametrize(
    ("faults", "status", "quota", "taken"),
    [
        ({SUBMIT: [Fault.BUSY]}, "completed", "committed", 1),
        ({SUBMIT: [Fault.REFUSED]}, "error", "released", 0),
        ({SUBMIT: [Fault.LOST]}, "error", "released", 1),
        ({SUBMIT: [Fault.GARBLED]}, "error", "released", 1),
        ({STATUS: [Fault.BUSY] * 3 + [Fault.GARBLED] * 3}, "completed", "committed", 1),
        ({FILES: [Fault.LOST] * 3}, "completed", "committed", 1),
        ({FILES: [Fault.GARBLED]}, "error", "released", 1),
    ],
)
async def test_whatever_fails_an_order_is_sent_once_and_its_quota_ends(
    anna: Sitter, world: AvatarBot, service: FalServer, faults: dict[tuple[str, str], list[Fault]], status: str,
    quota: str, taken: int,
) -> None:  # fmt: skip
    await anna.begins()
    await anna.sends_good(10)
    service.faults.update({key: list(each) for key, each in faults.items()})
    await anna.person.press_data("avatar_start||1", update="start")
    await world.work()
    [order] = await anna.orders()
    assert ((await anna.row())["status"], order["quota"], len(service.orders)) == (status, quota, taken)
    if service.orders and status == "error" and SUBMIT in faults:
        # Nobody knows whether it was taken: only the person sends it again.
        assert "🚀 Всё равно обучить" in anna.person.sees
        await world.work()
        assert len(service.orders) == 1
