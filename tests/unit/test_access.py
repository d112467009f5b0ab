import pytest

from access import Permission, Team, may, role_of
from config import Settings
from datamodels import Role

TEAM = Team(owner=1, members=frozenset([1, 2, 3]), guests=frozenset([3, 4]))


def test_a_stranger_has_no_role() -> None:
    assert role_of(TEAM, 5) is None
    assert role_of(Team(owner=None, members=frozenset()), 5) is None


def test_the_settings_name_owner_team_and_guests_and_the_higher_role_counts() -> None:
    assert role_of(TEAM, 1) is Role.SUPER_ADMIN
    assert role_of(TEAM, 2) is Role.USER
    assert role_of(TEAM, 3) is Role.USER
    assert role_of(TEAM, 4) is Role.GUEST


@pytest.mark.parametrize(("written", "members"), [("", set()), ("17", {17}), (" 17 , 18,19 ", {17, 18, 19})])
def test_the_team_is_read_from_the_settings(written: str, members: set[int]) -> None:
    settings = Settings(_env_file=None, owner_telegram_id=1, team_telegram_ids=written, guest_telegram_ids=written)
    assert Team.from_settings(settings) == Team(owner=1, members=frozenset(members), guests=frozenset(members))


def test_guests_only_look_and_ask_and_the_others_record() -> None:
    assert {role for role in Role if may(role, Permission.LOOK)} == set(Role)
    assert {role for role in Role if may(role, Permission.ASK)} == set(Role)
    assert {role for role in Role if may(role, Permission.RECORD)} == set(Role) - {Role.GUEST}
