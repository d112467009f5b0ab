from datetime import UTC, datetime
from uuid import uuid4

import pytest

from access import Permission, Team, may, role_of
from config import Settings
from datamodels import Role, User, UserId

TEAM = Team(owner=1, members=frozenset([1, 2, 3]))


def known(role: Role) -> User:
    return User(id=UserId(uuid4()), telegram_id=5, name="Мария", role=role, created_at=datetime.now(UTC))


def test_a_stranger_has_no_role() -> None:
    assert role_of(TEAM, 5, None) is None
    assert role_of(Team(owner=None, members=frozenset()), 5, None) is None


def test_the_settings_name_owner_and_team() -> None:
    assert role_of(TEAM, 1, None) is Role.SUPER_ADMIN
    assert role_of(TEAM, 2, None) is Role.USER


def test_the_higher_of_stored_role_and_settings_counts() -> None:
    assert role_of(TEAM, 2, known(Role.ADMIN)) is Role.ADMIN
    assert role_of(TEAM, 2, known(Role.GUEST)) is Role.USER
    assert role_of(TEAM, 1, known(Role.USER)) is Role.SUPER_ADMIN
    assert role_of(TEAM, 5, known(Role.GUEST)) is Role.GUEST


@pytest.mark.parametrize(("written", "members"), [("", set()), ("17", {17}), (" 17 , 18,19 ", {17, 18, 19})])
def test_the_team_is_read_from_the_settings(written: str, members: set[int]) -> None:
    settings = Settings(_env_file=None, owner_telegram_id=1, team_telegram_ids=written)
    assert Team.from_settings(settings) == Team(owner=1, members=frozenset(members))


def test_guests_only_look_and_the_others_record() -> None:
    assert {role for role in Role if may(role, Permission.LOOK)} == set(Role)
    assert {role for role in Role if may(role, Permission.RECORD)} == set(Role) - {Role.GUEST}
