"""Time zones as people type them."""

import pytest

from errors import BadText
from recordings.time_zones import zone_label, zone_said
from system.local_time import zone_named
from texts.voice_notes import CITIES, ZONES


@pytest.mark.parametrize(
    ("said", "zone", "label"),
    [
        ("UTC+10", "Etc/GMT-10", "UTC+10"),
        ("+10", "Etc/GMT-10", "UTC+10"),
        ("МСК+7", "Etc/GMT-10", "UTC+10"),
        ("Москва − 1 час", "Etc/GMT-2", "UTC+2"),
        ("gmt-3", "Etc/GMT+3", "UTC-3"),
        ("+0", "UTC", "UTC"),
        ("10", "Etc/GMT-10", "UTC+10"),
        ("utc 10", "Etc/GMT-10", "UTC+10"),
        ("UTC10", "Etc/GMT-10", "UTC+10"),
        ("GMT 10", "Etc/GMT-10", "UTC+10"),
        ("МСК 7", "Etc/GMT-10", "UTC+10"),
        ("UTC 9:30", "Australia/Darwin", "UTC+9:30"),
        ("-9:30", "Pacific/Marquesas", "UTC-9:30"),
        ("+5:30", "Asia/Kolkata", "UTC+5:30"),
        ("Владивосток", "Asia/Vladivostok", "Владивосток"),
        ("я во Владивостоке", "Asia/Vladivostok", "Владивосток"),
        ("мск", "Europe/Moscow", "Москва"),
        ("живу в Уфе", "Asia/Yekaterinburg", "Екатеринбург"),
        ("Нижний  Новгород", "Europe/Moscow", "Москва"),
        ("asia/yakutsk", "Asia/Yakutsk", "Якутск"),
    ],
)
def test_a_zone_is_understood_as_people_type_it(said: str, zone: str, label: str) -> None:
    assert (zone_said(said), zone_label(zone)) == (zone, label)
    zone_named(zone)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "10:30",
        "25",
        "+25",
        "+5:17",
        "UTC+10:30",
        "Владивосток +3",
        "utc plus 10",
        "читаю",
        "в Казани завтрак холодный и кофе тоже",
    ],
)
def test_what_names_no_zone_is_refused(said: str) -> None:
    with pytest.raises(BadText):
        zone_said(said)


def test_places_have_the_clock_of_a_zone_that_there_is() -> None:
    assert CITIES.keys() <= {zone for zone, _ in ZONES.values()}
