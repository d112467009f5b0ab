"""Every button of the bot, with everything that may stand in it: each needs its role, and what is another's stays so.

The buttons are those of ``Action``, the permissions those of the router that the application makes. HTTP has the same
in ``test_console``.
"""

from collections.abc import AsyncIterator
from random import getrandbits

import pytest

from access import Permission, may
from datamodels import (
    Role,
)
from datamodels_telegram import ChatId
from errors import AccessDenied
from markups.callback_data import Action
from rights_world import SECRET, World, forged, opened_world, somebody


@pytest.fixture(scope="module")
async def world(postgres_dsn: str, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened_world(postgres_dsn, migrated, tmp_path_factory.mktemp("matrix")) as world:
        yield world


@pytest.mark.parametrize("role", list(Role))
async def test_no_button_does_more_than_the_role_may(world: World, role: Role) -> None:
    person = await somebody(world, role, 1000 + list(Role).index(role))
    chat = ChatId(person.telegram_id or 0)
    closed = {action for action, (needed, _) in world.router.routes.presses.items() if not may(role, needed)}
    for action in closed - {Action.REPORT}:
        assert await world.refused(chat, action, getrandbits(62)) == AccessDenied().user_text, action
    assert (role is Role.SUPER_ADMIN) == (not closed)


async def test_no_button_shows_or_changes_what_is_anothers(world: World) -> None:
    """Pressed by one who may everything: a role adds rights, and to nobody's own things."""
    boris, before = await somebody(world, Role.SUPER_ADMIN, 2000), await world.has()
    assert {action for action in Action if SECRET in await world.pressed(boris, action)} == set()
    assert await world.has() == before
    async with world.database.transaction() as connection:
        query = "SELECT message::text AS told FROM outbox WHERE owner_id <> %s"
        sent = await (await connection.execute(query, (world.anna.id,))).fetchall()
    assert [row["told"] for row in sent if SECRET in row["told"] or "subject" in row["told"]] == []


async def test_forged_buttons_find_nothing(world: World) -> None:
    """A few; ``tests/benchmarks/test_forged_requests.py`` sends 10,000."""
    before = await world.has()
    ended, shown = await forged(world, 120, seed=1)
    assert shown == []
    assert {*ended} >= {"handled", "not_found", "outdated_button", AccessDenied().user_text}
    assert await world.has() == before


async def test_the_same_buttons_show_what_is_ones_own(world: World) -> None:
    """Else the matrix would say nothing: its arguments name what there is."""
    looks = [action for action, (needed, _) in world.router.routes.presses.items() if needed is Permission.LOOK]
    shown = [action for action in looks if SECRET in await world.pressed(world.anna, action)]
    assert len(shown) > 5, shown
