import pytest

from access import Permission, Team, may, role_of
from config import Settings
from datamodels import Role

TEAM = Team(owner=1, members=frozenset([1, 2, 3]), guests=frozenset([3, 4]))


def test_a_stranger_has_no_role() -> None:
    assert role_of(TEAM, 5, None) is None
    assert role_of(Team(owner=None, members=frozenset()), 5, None) is None


@pytest.mark.parametrize(("telegram_id", "role"), [(1, "super_admin"), (2, "user"), (3, "user"), (4, "guest")])
def test_the_settings_name_owner_team_and_guests_and_the_higher_role_counts(telegram_id: int, role: str) -> None:
    assert role_of(TEAM, telegram_id, None) == role


@pytest.mark.parametrize(("written", "members"), [("", set()), ("17", {17}), (" 17 , 18,19 ", {17, 18, 19})])
def test_the_team_is_read_from_the_settings(written: str, members: set[int]) -> None:
    settings = Settings(_env_file=None, owner_telegram_id=1, team_telegram_ids=written, guest_telegram_ids=written)
    assert Team.from_settings(settings) == Team(owner=1, members=frozenset(members), guests=frozenset(members))


GRANTED = [
    ("guest", "look", True),
    ("guest", "ask", True),
    ("guest", "record", False),
    ("guest", "oversee", False),
    ("guest", "curate", False),
    ("guest", "invite", False),
    ("guest", "allot", False),
    ("guest", "govern", False),
    ("guest", "operate", False),
    ("user", "look", True),
    ("user", "ask", True),
    ("user", "record", True),
    ("user", "oversee", False),
    ("user", "curate", False),
    ("user", "invite", False),
    ("user", "allot", False),
    ("user", "govern", False),
    ("user", "operate", False),
    ("admin", "look", True),
    ("admin", "ask", True),
    ("admin", "record", True),
    ("admin", "oversee", True),
    ("admin", "curate", True),
    ("admin", "invite", True),
    ("admin", "allot", True),
    ("admin", "govern", False),
    ("admin", "operate", False),
    ("super_admin", "look", True),
    ("super_admin", "ask", True),
    ("super_admin", "record", True),
    ("super_admin", "oversee", True),
    ("super_admin", "curate", True),
    ("super_admin", "invite", True),
    ("super_admin", "allot", True),
    ("super_admin", "govern", True),
    ("super_admin", "operate", True),
]


@pytest.mark.parametrize(("role", "permission", "granted"), GRANTED)
def test_a_role_may_what_it_was_granted(role: str, permission: str, granted: bool) -> None:
    assert may(Role(role), Permission(permission)) == granted


def test_every_role_and_permission_has_its_row() -> None:
    rows = [(role, permission) for role, permission, _ in GRANTED]
    assert sorted(rows) == sorted((role.value, permission.value) for role in Role for permission in Permission)
