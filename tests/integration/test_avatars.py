"""Avatars, from a name to pictures: what people see, what is kept, what is paid, whatever fails between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from time import monotonic, time
from uuid import UUID

import httpx2
import pytest
from Crypto.PublicKey import ECC
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

import texts.avatars
import users_store
from access import Team, may
from avatar_photos import photo, saved_anew
from avatars.models import Aspect, OrderKind
from avatars.webhook import ImageWebhook
from avatars_world import AvatarBot, Died, MortalDatabase, Sitter
from console_world import services_of
from datamodels import Role
from datamodels_telegram import AttachedFile, FileKind, IncomingMessage
from db import Database
from errors import DiskFull, NotFound
from errors_of_operation import AvatarRefused
from fal_server import FalServer, Fault, fal_server
from handlers_world import Bot, Person
from health.board import OK, Board, Level, Reading, Why
from health.checks import images_check
from health.spending import spent_since
from limits import store
from limits.values import Resource
from markups.callback_data import unpack
from provider_calls.fal.double import DoubledOrder
from provider_calls.fal.queue import ImageQueue
from provider_calls.fal.webhooks import Delivery, WebhookKeys
from sign_in import people_store
from sign_in.departures import end_all
from sign_in.sessions import Sessions
from telegram_handlers.context import Context
from telegram_handlers.menu import MenuHandlers
from web.application import Facts, new_application
from web.console_application import add_console
from web.server import listen, serving
from web.site import Site

SUBMIT = ("POST", "flux-lora-portrait-trainer")
PHOTO = AttachedFile(kind=FileKind.PHOTO, file_name="photo.jpg", size_bytes=9)
PICTURES, UPLOAD = ("GET", ".png"), ("POST", "/storage/upload/initiate")
STATUS, FILES, CANCEL = ("GET", "/status"), ("GET", ".safetensors"), ("PUT", "/cancel")
OF_ANOTHER = '{"status": "COMPLETED", "request_id": "another"}'


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
    assert "нужно от 10 до 20 подходящих фотографий, а принято 9." in person.heard[-1]
    await anna.sends_good(1)
    assert "около 6,00 $" in person.sees
    await person.press("🚀 Обучить за 6,00 $")
    assert "Готовлю фотографии" in person.sees
    async with world.bot.database.transaction() as connection:
        taken = await store.uses_of(connection, world.enqueued[0])
    assert [(use.resource, use.reserved, use.state) for use in taken.values()] == [
        (Resource.MONEY, Decimal(6), "reserved")
    ]
    await world.work()
    assert "✔ Обучен. Картинок: 0" in person.sees
    assert "✔ Аватар <b>Анна</b> обучен." in person.sees
    assert await anna.objects() == ["photos.jpg"] * 10 + ["training.safetensors"]
    [training] = service.orders
    assert training.body["steps"] == 2500
    assert training.body["trigger_phrase"].endswith(" woman")
    await world.clean()
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
    await world.clean()
    assert await anna.objects() == ["training.safetensors"]
    assert service.double.erased == [painted.id]
    assert [order["quota"] for order in await anna.orders()] == ["committed", "committed"]

    await person.press_data("avatar_delete_confirm||1")
    assert "Аватар удалён" in person.sees
    await world.clean()
    assert await anna.objects() == []
    assert service.double.erased == [painted.id, training.id]
    assert await world.avatars.all_of(person.user.id) == []


@pytest.mark.parametrize(("role", "there"), [(Role.GUEST, False), (Role.USER, True)])
async def test_the_menu_leads_to_avatars_whom_they_are_for(world: AvatarBot, role: Role, there: bool) -> None:
    person = await Person.come(world.bot, role=role)
    menu = MenuHandlers(world.bot.messages, replace(world.bot.menu_work, avatars=world.avatars))
    shown = await menu.main_menu_of(person.user)
    assert (texts.avatars.BUTTON in [each.text for row in shown.keyboard for each in row]) is there


async def test_who_was_made_a_guest_cancels_and_deletes_and_has_no_button_that_is_refused(
    anna: Sitter, world: AvatarBot, service: FalServer
) -> None:
    person, number = anna.person, await anna.is_ready()
    await world.avatars.start(person.user.id, number, "")
    await world.work()
    await world.avatars.paint(person.user.id, number, Aspect.WIDE, "у моря", "1")
    await world.avatars.start(person.user.id, await anna.is_ready(), "")
    await anna.is_ready()
    async with world.bot.database.transaction() as connection:
        await users_store.grant(connection, person.user.id, Role.GUEST)
    person.user = person.user.model_copy(update={"role": Role.GUEST})
    await world.step(world.enqueued[-1])
    world.enqueued.pop()
    await world.work()
    menu = MenuHandlers(world.bot.messages, replace(world.bot.menu_work, avatars=world.avatars))
    assert texts.avatars.BUTTON in str(await menu.main_menu_of(person.user))
    await person.press_data("avatars")
    for each in (1, 2, 3):
        await person.press_data(f"avatar||{each}")
    routes = {action: needed for routes in world.bot.routes for action, (needed, _) in routes.presses.items()}
    for _, button in person.buttons:
        assert may(Role.GUEST, routes[unpack(button.data).action]), button.text
    await person.press_data("avatar_cancel||2")
    await world.step(UUID(str((await anna.orders())[2]["id"])))
    assert (await anna.row(2))["status"] == "cancelled"
    await person.press_data("picture_delete||1")
    await person.press_data("avatar_delete_confirm||1")
    assert [each.number for each in await world.avatars.all_of(person.user.id)] == [2, 3]


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
    await anna.is_ready()
    started = await asyncio.gather(
        *(world.avatars.start(anna.person.user.id, 1, f"tap {number}") for number in range(100))
    )
    assert sum(started) == 1
    await world.work()
    assert len(service.orders) == len(await anna.orders()) == 1


async def test_the_card_of_a_training_stays_until_its_avatars_next_one(anna: Sitter, world: AvatarBot) -> None:
    person = anna.person
    await anna.is_ready()
    await person.press_data("avatar||1")
    await person.press("🚀 Обучить за 6,00 $")
    await person.press_data("menu_main")  # /status, /start and others send their menus so
    assert person.sees.count("Готовлю фотографии") == 1
    await person.press("🗑 Удалить аватар")
    await person.press("‹ Назад")
    # Opened below, it is the card that follows what happens, and the former goes.
    assert person.sees.count("Готовлю фотографии") == 1
    await person.press("✖ Отменить обучение")
    await person.press("🚀 Обучить ещё раз за 6,00 $")
    assert person.sees.count("Готовлю фотографии") == 1
    await world.work()
    assert person.sees.count("✔ Обучен. Картинок: 0") == 1
    await person.press("🎨 Нарисовать")
    await person.press_data("menu_main")
    assert person.sees.count("✔ Обучен. Картинок: 0") == 1
    await person.press("🗑 Удалить аватар")
    await person.press("Да, удалить")
    assert "Обучен." not in person.sees


async def test_a_card_shows_a_training_that_was_ordered_elsewhere_and_stays_then(
    anna: Sitter, world: AvatarBot
) -> None:
    await anna.is_ready()
    await anna.person.press_data("avatar||1")
    await world.avatars.start(anna.person.user.id, 1, "in the browser")
    await world.show()
    await anna.person.press_data("menu_main")
    assert "Готовлю фотографии" in anna.person.sees


async def test_what_is_one_persons_is_nobody_elses(anna: Sitter, world: AvatarBot) -> None:
    await world.avatars.start(anna.person.user.id, await anna.is_ready(), "")
    await world.work()
    await world.avatars.paint(anna.person.user.id, 1, Aspect.SQUARE, "портрет", "1")
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
        with pytest.raises(Exception, match=r"avatar 1|picture 1"):
            await call
    assert len(await anna.objects()) == 12


async def test_a_photograph_joins_only_the_card_that_is_shown_and_can_be_taken_out(
    anna: Sitter, world: AvatarBot
) -> None:
    person, asked = anna.person, []

    async def ask(context: Context, message: IncomingMessage) -> None:
        asked.append(message.text)

    typed = world.photo_handlers.unless_agreed(ask)
    await person.press_data("avatars")
    await person.press("➕ Новый аватар")
    await person.type("Анна", person.written("").message_id)
    await person.press("Женщина")
    for text in ("да", "Согласен", "да, что с завтраком"):
        await typed(context_of(anna), person.written(text))
    assert "нажмите её" in person.sees
    assert asked == ["да, что с завтраком"]
    await person.press("✔ Согласие есть")
    await typed(context_of(anna), person.written("да"))
    assert len(asked) == 2
    await anna.sends_good(10)

    await person.press_data("menu_main")
    sent = person.written("вот").model_copy(update={"picture": PHOTO})
    assert await world.takes_picture(context_of(anna), sent)
    assert "никуда не добавлена" in person.sees
    await world.fetch()
    await person.press("📷 1. Анна")
    assert "Фотографий: <b>10</b> из 20" in person.sees

    await person.press("📷 Снимки (10)")
    await person.press("3")
    await person.press("🗑 Убрать этот снимок")
    assert "Снимков: 9." in person.sees
    assert await anna.objects() == ["photos.jpg"] * 9
    assert (await anna.row())["status"] == "photos_uploading"
    boris = await Person.come(world.bot)
    _, photos = await world.photo_set.listed(person.user.id, 1)
    with pytest.raises(NotFound):
        await world.photo_set.remove(boris.user.id, 1, photos[0].id)


@pytest.mark.parametrize(
    ("faults", "status", "quota", "taken"),
    [
        ({SUBMIT: [503]}, "error", "committed", 1),
        ({SUBMIT: [Fault.REFUSED]}, "error", "released", 0),
        ({SUBMIT: [Fault.LOST]}, "error", "committed", 1),
        ({SUBMIT: [Fault.GARBLED]}, "error", "committed", 1),
        ({STATUS: [Fault.BUSY] * 3 + [Fault.GARBLED] * 3}, "completed", "committed", 1),
        ({STATUS: [OF_ANOTHER]}, "completed", "committed", 1),
        ({FILES: [Fault.LOST] * 3}, "completed", "committed", 1),
        ({FILES: [Fault.GARBLED]}, "error", "released", 1),
    ],
)
async def test_whatever_fails_an_order_is_sent_once_and_its_quota_ends(
    anna: Sitter, world: AvatarBot, service: FalServer, faults: dict[tuple[str, str], list[Fault | int | str]],
    status: str, quota: str, taken: int,
) -> None:  # fmt: skip
    await anna.is_ready()
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


async def test_a_process_that_dies_at_any_moment_sends_nothing_twice_and_keeps_nothing_reserved(
    anna: Sitter, world: AvatarBot, service: FalServer
) -> None:
    endings, owner = [], anna.person.user.id
    world.avatars.rules = world.avatars.rules._replace(trainings=1000)
    for at in count(1):
        number = await anna.is_ready()
        before = len(service.orders)
        await world.avatars.start(owner, number, "")
        mortal = MortalDatabase(world.bot.database, at)
        [order], world.enqueued = world.enqueued, []
        with suppress(Died):
            while await world.step(order, mortal):
                pass
        while await world.step(order):
            pass
        row = await anna.row(number)
        assert len(service.orders) - before <= 1
        assert row["status"] in {"completed", "error"}
        assert row["error_code"] in {None, "image_order_uncertain"}
        endings.append(row["status"])
        if mortal.moments_left > 0:
            break
    assert len(endings) > 12
    # Nobody knows what was sent only between the mark that it is being sent and the service's id: two moments.
    assert endings.count("error") == 2
    orders = await anna.orders()
    assert {order["quota"] for order in orders if order["state"] == "done"} == {"committed"}
    assert {order["quota"] for order in orders if order["paid"] == "maybe"} == {"committed"}
    assert {order["state"] for order in orders if order["paid"] != "yes"} == {"failed"}
    await world.cards.step()
    await world.cards.step()
    async with world.bot.database.transaction() as connection:
        query = "SELECT count(*) AS told FROM outbox WHERE owner_id = %s AND key LIKE 'avatar:%%'"
        told = await (await connection.execute(query, (owner,))).fetchone()
    assert told == {"told": len(orders)}


EVENTS = (
    "start", "start", "paint", "paint", "step", "step", "step", "step", "die", "webhook", "webhook", "passes", "clock",
    "cancel", "busy", "lost", "gone", "fails", "clean", "show", "delete", "erase",
)  # fmt: skip


@given(history=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 11)), min_size=8, max_size=20))
@example([("start", 0), ("step", 0), ("webhook", 0), ("passes", 0), ("die", 6), ("step", 0), ("paint", 0), ("step", 0)])
@example([("lost", 0), ("start", 0), ("step", 0), ("step", 0), ("step", 0)])
@example([("start", 0), ("gone", 2), ("step", 0), ("passes", 1), ("step", 0), ("step", 0), ("step", 0), ("start", 1)])
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_order_of_events_completes_without_weights_or_pays_twice(
    world: AvatarBot, service: FalServer, history: Sequence[tuple[str, int]]
) -> None:
    anna = Sitter(world, await Person.come(world.bot))
    service.double.orders.clear()
    service.faults.clear()
    world.late, world.avatars.rules = timedelta(), world.avatars.rules._replace(trainings=1000, pictures=1000)
    keys = WebhookKeys(f"{service.url}/.well-known/jwks.json")
    webhook, number = ImageWebhook(world.bot.database, keys, world.enqueue), await anna.is_ready()
    for event, chance in history:
        with suppress(NotFound, AvatarRefused, Died):
            if event == "webhook" and service.orders:
                told = service.orders[chance % len(service.orders)]
                await webhook.take(Delivery.of(*lowered(service.double.delivery(told))))
            else:
                await happens(event, chance, anna, number)
        await keeps_its_word(anna, service)
    service.faults.clear()
    for _ in range(8):
        await step_all(anna)
    await keeps_its_word(anna, service)
    await keys.close()
    assert "reserved" not in {order["quota"] for order in await anna.orders()}


def lowered(delivery: tuple[dict[str, str], bytes]) -> tuple[dict[str, str], bytes]:
    headers, body = delivery
    return {name.lower(): value for name, value in headers.items()}, body


async def step_all(anna: Sitter, database: Database | None = None) -> None:
    for order in await anna.orders():
        await anna.world.step(UUID(str(order["id"])), database)


async def happens(event: str, chance: int, anna: Sitter, number: int) -> None:
    world, service, owner = anna.world, anna.world.service, anna.person.user.id
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "start": lambda: world.avatars.start(owner, number, str(chance % 4)),
        "paint": lambda: world.avatars.paint(owner, number, Aspect.WIDE, "у моря", str(chance % 4)),
        "step": lambda: step_all(anna),
        "die": lambda: step_all(anna, MortalDatabase(world.bot.database, chance + 1)),
        "passes": lambda: world.passes(timedelta(hours=(1, 30)[chance % 2])),
        "cancel": lambda: world.avatars.cancel(owner, number),
        "delete": lambda: world.avatars.delete(owner, number),
        "erase": lambda: world.avatars.erase_all(owner),
        "clean": world.cleaning.clean,
        "show": world.show,
    }
    if event in acts:
        await acts[event]()
    elif event == "clock":
        world.late = timedelta(days=chance % 5 - 2)
    elif event == "fails" and service.orders:
        service.orders[-1].failure = "out of memory"
    else:
        known: dict[str, Fault | int] = {"lost": Fault.LOST, "gone": 404}
        fault = known.get(event, Fault.BUSY)
        service.faults.setdefault((SUBMIT, STATUS, FILES, PICTURES)[chance % 4], []).extend([fault] * (chance % 3 + 1))


async def keeps_its_word(anna: Sitter, service: FalServer) -> None:
    """Compare what is written with what is in the store and at the service, and with what counts as paid."""
    orders = await anna.orders()
    assert len({order["request_id"] for order in orders} - {None}) <= len(service.orders) <= len(orders)
    kept = {key async for key in anna.world.bot.objects.list_keys()}
    async with anna.world.bot.database.transaction() as connection:
        query = "SELECT weights_key FROM avatars WHERE owner_id = %s AND status = 'completed' AND deleted_at IS NULL"
        completed = await (await connection.execute(query, (anna.person.user.id,))).fetchall()
        uses = {order["id"]: await store.uses_of(connection, UUID(str(order["id"]))) for order in orders}
    assert {row["weights_key"] for row in completed} <= kept
    assert {each["object_key"] for each in orders if each["state"] == "done" and not each["deleted_at"]} <= kept
    for order in orders:
        assert (order["quota"] == "committed") == (order["state"] == "done" or order["paid"] == "maybe")
        use = uses[order["id"]][Resource.MONEY]
        assert (use.state == "reserved") == (order["quota"] == "reserved") == (order["ended_at"] is None)
        assert use.used == (0 if order["paid"] == "no" else order["price_usd"])


@pytest.fixture
async def site(world: AvatarBot, service: FalServer, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The site of the bot, as services on the internet ask it."""
    keys = WebhookKeys(f"{service.url}/.well-known/jwks.json", clock=lambda: monotonic() + world.late.total_seconds())
    webhook = ImageWebhook(world.bot.database, keys, world.enqueue, lambda: monotonic() + world.late.total_seconds())
    services = services_of(world.bot, Sessions(world.bot.database, Team(None, frozenset())), tmp_path)
    opened, application = Site(webhook="https://vox.example/webhook"), new_application(Board(), Facts("1", None), None)
    add_console(application, opened)
    listener = await listen("127.0.0.1", 0)
    assert listener is not None
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        serving(application, listener),
        opened.opened(replace(services, webhook=webhook)),
        httpx2.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        yield client
    await keys.close()


async def test_a_webhook_only_hastens_and_only_a_genuine_one(
    anna: Sitter, world: AvatarBot, service: FalServer, site: httpx2.AsyncClient
) -> None:
    number = await anna.is_ready()
    await world.avatars.start(anna.person.user.id, number, "")
    [order] = world.enqueued
    await world.step(order)
    world.enqueued.clear()
    [sent], now = service.orders, time()

    async def told(of: DoubledOrder, at: float = now, changed: dict[str, str] | None = None) -> int:
        headers, body = service.double.delivery(of, at)
        began = monotonic()
        answer = await site.post("/webhook/fal/status", content=body, headers={**headers, **(changed or {})})
        assert monotonic() - began < 5, "it has a limit of a second, and this machine may be busy"
        return answer.status_code

    foreign = DoubledOrder("fal-ai/flux-lora", {"loras": [], "image_size": {"width": 512, "height": 512}, "prompt": ""})
    service.keys_away = True
    assert await told(sent) == 503
    service.keys_away = False
    world.late += timedelta(seconds=10)
    with capture_logs() as logs:
        refused = {
            "stale": await told(sent, now - 301),
            "of the future": await told(sent, time() + 303),  # signed now: each second that passes makes it valid
            "a huge number": await told(sent, changed={"X-Fal-Webhook-Timestamp": "9" * 4000}),
            "no number": await told(sent, changed={"X-Fal-Webhook-Timestamp": "soon"}),
            "other time": await told(sent, changed={"X-Fal-Webhook-Timestamp": str(int(now) - 5)}),
            "other person": await told(sent, changed={"X-Fal-Webhook-User-Id": "other"}),
            "other order": await told(sent, changed={"X-Fal-Webhook-Request-Id": foreign.id}),
            "no signature": await told(sent, changed={"X-Fal-Webhook-Signature": ""}),
            "forged": await told(sent, changed={"X-Fal-Webhook-Signature": "00" * 64}),
        }
    assert set(refused.values()) == {401}, refused
    assert [line["count"] for line in logs if line["event"] == "image_webhooks_refused"] == [1], "one line a minute"
    world.late += timedelta(seconds=61)
    with capture_logs() as logs:
        assert await told(foreign, now - 301) == 401
    assert [line["count"] for line in logs if line["event"] == "image_webhooks_refused"] == [len(refused)]
    assert await told(foreign) == 404
    assert (await site.post("/webhook/fal/status", content=b"x" * 70_000)).status_code == 413
    assert (await site.post("/webhook/fal/status", content=b"{}", headers={"Host": "evil.example"})).status_code == 400
    assert await told(sent, changed={"Host": "vox.example"}) == 200
    assert world.enqueued == [order]
    assert await told(sent) == 200, "once more"
    service.double.signing = ECC.generate(curve="Ed25519")
    world.late += timedelta(seconds=10)
    assert await told(sent) == 200, "by a new key"
    service.keys_away = True
    world.late += timedelta(hours=24)
    assert await told(sent) == 503, "keys are a day old"
    service.keys_away = False
    world.late -= timedelta(hours=24)
    await world.work()
    assert (await anna.row(number))["status"] == "completed"
    world.enqueued.clear()
    assert await told(sent) == 200, "too late"
    assert world.enqueued == []


def context_of(anna: Sitter) -> Context:
    return Context(anna.person.user, anna.person.chat, anna.person.hear)


@pytest.mark.parametrize("said", ["", "client_cancelled"])
async def test_a_training_is_cancelled_before_and_after_it_is_sent(
    anna: Sitter, world: AvatarBot, service: FalServer, said: str
) -> None:
    number, owner = await anna.is_ready(), anna.person.user.id
    await world.avatars.start(owner, number, "")
    assert await world.avatars.cancel(owner, number)
    await world.work()
    assert ((await anna.row(number))["status"], service.orders) == ("cancelled", [])
    await world.avatars.start(owner, number, "")
    await world.step(world.enqueued.pop())
    menu = MenuHandlers(world.bot.messages, replace(world.bot.menu_work, avatars=world.avatars))
    await menu.routes().commands["status"][1](context_of(anna), anna.person.written("/status"))
    assert ": ⏳ Заказ принят сервисом, с " in anna.person.sees
    await world.steps().fail(UUID(str((await anna.orders())[1]["id"])), DiskFull(path="weights"), world.now())
    await anna.person.press_data(f"avatar||{number}")
    assert "⚠ На диске бота не хватает места. Жду" in anna.person.sees
    await anna.person.press_data(f"avatar_cancel||{number}")
    assert "✖ Отменяю" in anna.person.sees
    assert "✖ Отменить обучение" not in anna.person.sees
    service.faults[CANCEL], service.orders[0].failure = [Fault.LOST] * 2, said
    await world.work()
    assert ((await anna.row(number))["status"], service.orders[0].cancelled) == ("cancelled", True)
    assert {order["quota"] for order in await anna.orders()} == {"released"}
    assert not await world.avatars.cancel(owner, number)


async def test_a_month_has_so_many_trainings_and_pictures(anna: Sitter, world: AvatarBot) -> None:
    number, owner = await anna.is_ready(), anna.person.user.id
    world.avatars.rules = world.avatars.rules._replace(trainings=1, pictures=1)
    await world.avatars.start(owner, number, "")
    await world.work()
    with pytest.raises(AvatarRefused, match="их 1"):
        await world.avatars.start(owner, await anna.is_ready(), "")
    await world.avatars.paint(owner, number, Aspect.WIDE, "у моря", "1")
    again = await world.avatars.paint(owner, number, Aspect.WIDE, "у моря", "1")
    assert again.number == 1
    with pytest.raises(AvatarRefused, match="их 1"):
        await world.avatars.paint(owner, number, Aspect.WIDE, "у моря", "2")
    await anna.person.press_data(f"avatar_paint||{number}")
    assert "их 1" in anna.person.heard[-1]
    await world.work()
    assert len(await anna.orders()) == 2


async def test_what_may_be_paid_keeps_its_place_and_what_is_paid_is_counted(
    anna: Sitter, world: AvatarBot, service: FalServer
) -> None:
    number, owner, since = await anna.is_ready(), anna.person.user.id, world.now()
    service.faults[SUBMIT] = [Fault.LOST] * 2
    service.faults[FILES] = [Fault.GARBLED]
    for left, told in (
        (2, "неизвестно, принят ли заказ"),
        (1, "неизвестно, принят ли"),
        (1, "Около 6,00 $ он за работу"),
    ):
        assert await world.avatars.start(owner, number, "")
        await world.work()
        assert await world.avatars.left(owner, OrderKind.TRAINING) == left
        assert told in anna.person.sees
    assert anna.person.sees.count("не получилось") == 1
    async with world.bot.database.transaction() as connection:
        [spent] = await spent_since(connection, since)
    assert (spent.usd, spent.maybe_usd, spent.calls) == (Decimal(6), Decimal(12), 3)
    assert await world.avatars.start(owner, number, "")
    await world.step(world.enqueued[-1])
    service.orders[-1].failure = "out of memory"
    await world.work()
    assert "не справился с заказом: у него случился сбой. В счёт месяца он не идёт" in anna.person.sees
    assert await world.avatars.start(owner, number, "")
    await world.step(world.enqueued[-1])
    service.faults[STATUS] = [OF_ANOTHER] * 2
    await world.passes(timedelta(minutes=16))
    await world.work()
    assert await world.avatars.left(owner, OrderKind.TRAINING) == 0, "its answers were another's twice in a row"
    world.avatars.rules = world.avatars.rules._replace(trainings=9)
    assert await world.avatars.start(owner, number, "")
    await world.step(world.enqueued[-1])
    await world.passes(timedelta(minutes=16))
    service.faults[FILES] = [404] * 2
    await world.work()
    assert "не отдал файла. Около 6,00 $ он за работу" in anna.person.sees, "it is paid, and its file is gone"


async def test_a_refused_key_is_seen_on_the_board_until_an_order_is_taken(anna: Sitter, world: AvatarBot) -> None:
    number, right = await anna.is_ready(), world.queue
    check = images_check(world.bot.database, is_on=True)
    assert await check() == OK
    world.queue = ImageQueue("wrong", world.service.addresses)
    await world.avatars.start(anna.person.user.id, number, "")
    await world.work()
    await world.queue.close()
    assert await check() == Reading(Level.DEGRADED, Why.KEY_REFUSED)
    assert await images_check(world.bot.database, is_on=True)() == OK, "a key is read at a start"
    world.queue = right
    await world.avatars.start(anna.person.user.id, number, "")
    await world.work()
    assert await check() == OK


async def test_the_orders_of_who_is_blocked_end_and_what_is_ready_is_told_when_they_are_back(
    anna: Sitter, world: AvatarBot, service: FalServer
) -> None:
    numbers, person = [await anna.is_ready() for _ in range(3)], anna.person.user
    await anna.person.press_data(f"avatar_start||{numbers[0]}", update="start")
    await world.work()
    assert anna.person.sees.count("обучен. Можно") == 1
    await anna.person.press_data(f"avatar_start||{numbers[1]}", update="again")
    await world.step(world.enqueued.pop())
    await world.avatars.start(person.id, numbers[2], "")
    await world.avatars.paint(person.id, numbers[0], Aspect.WIDE, "у моря", "1")
    while await world.step(world.enqueued[-1]):
        pass
    await world.cards.step()
    before = anna.person.sees
    async with world.bot.database.transaction() as connection:
        await people_store.block(connection, person.id)
        await end_all(connection, person.id)
    for _ in range(3):
        await step_all(anna)
    await world.show()
    assert anna.person.sees == before
    states = [order["state"] for order in await anna.orders()]
    assert states == ["done", "cancelled", "cancelled", "done"], "the picture was ready before"
    assert len(service.orders) == 3
    async with world.bot.database.transaction() as connection:
        await people_store.unblock(connection, person.id)
        await people_store.come_back(connection, person.id, Role.USER)
    await world.show()
    await world.show()
    assert anna.person.sees.count("🎨 1. у моря") == 1
    assert "Обучение отменено" in anna.person.sees


async def test_all_that_a_person_has_is_erased(anna: Sitter, world: AvatarBot, service: FalServer) -> None:
    numbers, owner = [await anna.is_ready(), await anna.is_ready()], anna.person.user.id
    for number in numbers:
        await world.avatars.start(owner, number, "")
    await world.work()
    await world.avatars.paint(owner, 1, Aspect.WIDE, "у моря", "1")
    await world.work()
    stray = f"avatars/{owner}/{(await anna.row())['id']}/photos/stray.jpg"
    await world.bot.objects.put_bytes(stray, b"a process was killed before it noted this")
    assert await world.avatars.erase_all(owner) == 2
    await world.clean()
    assert await anna.objects() == []
    assert sorted(service.double.erased) == sorted(service.double.orders)
    assert {order["prompt"] for order in await anna.orders()} == {None}


async def test_ages_are_told_by_the_clock_of_the_database(anna: Sitter, world: AvatarBot, service: FalServer) -> None:
    owner, number = anna.person.user.id, await anna.is_ready()
    world.late = timedelta(days=2)
    service.faults[STATUS] = [OF_ANOTHER] * 2
    await world.avatars.start(owner, number, "")
    await world.work()
    assert (await anna.row(number))["status"] == "completed", "an order of now is not old by our clock"
    uploads = service.asked.count(UPLOAD)
    for days, hours, more in ((2, 23, 0), (-2, 1, 0), (2, 1, 1)):
        world.late = timedelta(days=days)
        await world.avatars.paint(owner, number, Aspect.WIDE, "у моря", f"{days}:{hours}")
        await world.work()
        assert service.asked.count(UPLOAD) - uploads == more, "the service keeps weights for a day"
        await world.passes(timedelta(hours=hours))
    assert {order["state"] for order in await anna.orders()} == {"done"}
    other = await anna.is_ready()
    await world.avatars.start(owner, other, "")
    await world.step(world.enqueued[-1])
    await world.passes(timedelta(hours=25))
    service.faults[STATUS] = [Fault.BUSY] * 9
    await world.work()
    assert (await anna.row(other))["error_code"] == "image_order_uncertain", "a slow clock keeps no order open"


async def test_a_clock_of_the_database_that_is_set_forward_ends_no_order(
    anna: Sitter, world: AvatarBot, service: FalServer
) -> None:
    owner, number = anna.person.user.id, await anna.is_ready()
    await world.avatars.start(owner, number, "")
    await world.step(world.enqueued[-1])
    for faults in ([], [Fault.BUSY] * 3, [OF_ANOTHER] * 2):
        await world.clock_is_set(timedelta(days=30))
        service.faults[STATUS] = list(faults)
        assert await world.step(world.enqueued[-1]), "it goes on after one look"
        service.orders[0].looks = 9
        if faults:
            assert await world.step(world.enqueued[-1])
    await world.work()
    assert (await anna.row(number))["status"] == "completed"
    await world.avatars.paint(owner, number, Aspect.WIDE, "у моря", "1")
    service.faults[PICTURES] = [*[Fault.BUSY] * 3, 404]
    order = world.enqueued[-1]
    assert await world.step(order)
    await world.clock_is_set(timedelta(hours=3))
    for _ in range(3):
        assert await world.step(order), "the service is asked for as long as it takes"
    await world.work()
    assert [each["state"] for each in await anna.orders()] == ["done", "done"]
    looks = {each["kind"]: int(str(each["looks"])) for each in await anna.orders()}
    assert looks["training"] >= 6
    assert looks["picture"] >= 4


@pytest.mark.parametrize(
    ("fault", "cancelled"),
    [([], True), ([Fault.BUSY] * 2, True), ([Fault.BUSY] * 9, False), ([400], True), ([404], True)],
)
async def test_the_service_is_told_of_an_order_that_is_given_up_while_it_works(
    anna: Sitter, world: AvatarBot, service: FalServer, fault: list[Fault | int | str], cancelled: bool
) -> None:
    owner, number = anna.person.user.id, await anna.is_ready()
    await anna.person.press_data(f"avatar_start||{number}", update="start")
    [order] = world.enqueued
    await world.step(order)
    service.orders[0].looks, service.faults[CANCEL] = 10**6, fault
    assert await world.step(order)
    assert not service.orders[0].cancelled, "nobody has given it up"
    await world.passes(timedelta(hours=25))
    await world.work()
    [row] = await anna.orders()
    assert (row["error_code"], row["paid"], row["quota"]) == ("image_order_uncertain", "maybe", "committed")
    assert service.orders[0].cancelled is cancelled
    assert service.asked.count(("PUT", f"/{service.orders[0].application}/requests/{row['request_id']}/cancel")) <= 3
    assert "🚀 Всё равно обучить" in anna.person.sees, "a cancellation that fails is nobody's trouble"
    service.faults.clear()
    await world.avatars.start(owner, number, "")
    await world.step(world.enqueued[-1])
    await world.steps().fail(world.enqueued[-1], DiskFull(path="weights"), None)
    assert service.orders[1].cancelled, "so is one whose job fails for good"


async def test_a_picture_that_comes_late_is_told_once_and_settled_as_what_was_paid(
    anna: Sitter, world: AvatarBot, service: FalServer
) -> None:
    owner, number = anna.person.user.id, await anna.is_ready()
    await world.avatars.start(owner, number, "")
    await world.work()
    await anna.person.press_data(f"avatar||{number}")
    service.faults[PICTURES] = [Fault.BUSY] * 99
    await world.avatars.paint(owner, number, Aspect.SQUARE, "у <моря>", "1")
    await world.work()
    assert "задерживается" not in anna.person.sees
    await world.passes(timedelta(minutes=6))
    for _ in range(2):
        world.enqueued.append(UUID(str((await anna.orders())[1]["id"])))
        await world.work(most=2)
    late = "⚠ Сервис картинок не отвечает, и картинка «у &lt;моря&gt;» задерживается."
    assert anna.person.sees.count(late) == 2, "on the card and in a message"
    assert [each.text for _, each in anna.person.buttons].count("🎨 Нарисовать другую") == 1
    menu = MenuHandlers(world.bot.messages, replace(world.bot.menu_work, avatars=world.avatars))
    await menu.routes().commands["status"][1](context_of(anna), anna.person.written("/status"))
    assert "рисую «у &lt;моря&gt;» — Сервис картинок не отвечает, пробую снова" in anna.person.sees
    await world.passes(timedelta(hours=2))
    world.enqueued.append(UUID(str((await anna.orders())[1]["id"])))
    await world.work()
    await world.show()
    assert anna.person.sees.count("не отдал файла. Около 0,04 $ он за работу") == 1
    assert anna.person.sees.count(late) == 1, "the card shows it no more"
    order = (await anna.orders())[1]
    assert (order["state"], order["paid"], order["quota"]) == ("failed", "yes", "released")
    async with world.bot.database.transaction() as connection:
        use = (await store.uses_of(connection, UUID(str(order["id"]))))[Resource.MONEY]
    assert (use.state, use.used) == ("done", order["price_usd"])


async def test_webhooks_in_any_order_change_nothing_by_themselves(
    anna: Sitter, world: AvatarBot, service: FalServer, site: httpx2.AsyncClient
) -> None:
    number, owner = await anna.is_ready(), anna.person.user.id

    async def told(of: DoubledOrder) -> int:
        headers, body = service.double.delivery(of)
        for _ in range(20):
            answer = await site.post("/webhook/fal/status", content=body, headers=headers)
            if answer.status_code != 503:
                break  # else this machine is busy, and the service sends it again
        return answer.status_code

    async def written() -> object:
        return await anna.row(number), await anna.orders()

    await world.avatars.start(owner, number, "")
    [order] = world.enqueued
    with suppress(Died):
        await world.step(order, MortalDatabase(world.bot.database, 7))
    before = await written()
    assert (await anna.orders())[0]["state"] == "sending"
    [sent] = service.orders
    assert await told(sent) == 404, "it came before the answer was noted: the service sends it again"
    assert await written() == before
    await world.step(order)
    assert (await anna.row(number))["error_code"] == "image_order_uncertain"
    assert await told(sent) == 404

    world.enqueued.clear()
    await world.avatars.start(owner, number, "")
    [order] = world.enqueued
    await world.step(order)
    sent, before = service.orders[-1], await written()
    sent.failure = "out of memory"
    assert [await told(sent) for _ in range(3)] == [200] * 3, "it says that the order failed"
    sent.failure = ""
    assert await told(sent) == 200, "and then that it is done, while it goes on"
    assert await written() == before
    assert set(world.enqueued) == {order}
    assert await world.step(order), "what the service itself says counts: it goes on"
    await world.work()
    assert (await anna.row(number))["status"] == "completed"
    done = await written()
    sent.failure = "out of memory"
    assert await told(sent) == 200
    assert await written() == done
    assert len(service.orders) == 2
