"""What is a reply to which step, and what is said beside it."""

import pytest

from dialogs import Step
from metadata.form import Reading
from telegram_handlers.beside import reading

_ASKED, _THANKS, _NAME = "Что с завтраком?", "Спасибо!", "Как дома"
_ROWS = """
confirm_data                question value    question
ask_employee                question courtesy doubtful
edit_client                 question courtesy doubtful
ask_date                    question courtesy doubtful
ask_place_name              question doubtful doubtful
report_view_ask_number      question courtesy question
report_rename_ask_number    question courtesy question
report_delete_ask_number    question courtesy question
report_filter_ask_dates     question courtesy question
report_rename_ask_new_name  value    value    value
report_filter_ask_title     question courtesy question
chat_rename_ask_title       value    value    value
rating_ask_comment          question value    value
editing_ask_name            question courtesy question
editing_ask_term            question courtesy value
editing_ask_turn            question courtesy question
editing_ask_words           question courtesy question
editing_ask_text            value    value    value
settings_ask_zone           question courtesy question
avatar_ask_prompt           question courtesy value
"""


@pytest.mark.parametrize("row", _ROWS.strip().splitlines())
def test_each_step_knows_what_is_no_reply_to_it(row: str) -> None:
    step, *expected = row.split()
    assert [reading(Step(step), text) for text in (_ASKED, _THANKS, _NAME)] == expected


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("text", ["Иванова Мария", "3 ноября", "5", "+10", "Заря", "завтрак -> ужин"])
def test_a_value_is_a_reply_at_every_step(step: Step, text: str) -> None:
    assert reading(step, text) is Reading.VALUE
