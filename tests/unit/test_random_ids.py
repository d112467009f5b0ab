"""Random ids: no two are the same but those of one occasion."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from random_ids import new_code, new_id, new_name, new_random_id, new_secret, random_id_of


@given(st.text(), st.text())
def test_an_occasion_has_one_id_that_fits_telegrams_field(occasion: str, other: str) -> None:
    assert 0 < random_id_of(occasion) < 2**63
    assert (random_id_of(occasion) == random_id_of(other)) == (occasion == other)


@pytest.mark.parametrize("make", [new_id, new_name, new_code, new_random_id, new_secret])
def test_no_two_are_the_same(make: object) -> None:
    assert callable(make)
    assert len({make() for _ in range(50)}) == 50


def test_a_name_is_what_the_files_that_are_cleared_away_are_named_by() -> None:
    assert UUID(new_name()).version == 4
    assert len(new_name()) == 32
    assert len(new_code()) == 8
