"""With whom a private recording is shared."""

import texts.sharing
import texts.telegram
from datamodels_telegram import Screen
from markups.callback_data import Action, button
from markups.people import turns
from markups.text import escaped, plain
from recordings.sharing import SharesPage

PEOPLE_ON_PAGE = 8
ON, OFF = "on", "off"
"""Words of the buttons: each says what it does, so that a second tap changes nothing back."""
_LONGEST_NAME = 40


def sharing_screen(page: SharesPage) -> Screen:
    """Show a page of the team; a button shares the recording with its person, or takes that back."""
    number = page.recording.number
    rows = []
    for user, shared in page.people:
        label = texts.sharing.SHARED if shared else texts.sharing.NOT_SHARED
        name = plain(user.name, _LONGEST_NAME) or str(user.telegram_id)
        words = (number, user.telegram_id or 0, page.page, OFF if shared else ON)
        rows.append((button(label.format(name=name), Action.SHARE_WITH, *words),))
    text = texts.sharing.TITLE if rows else texts.sharing.NOBODY
    return Screen(
        text=text.format(number=number, file_name=escaped(page.recording.file_name)),
        keyboard=(
            *rows,
            *turns(page.page, page.pages, Action.SHARE, number),
            (button(texts.telegram.BACK, Action.RECORDING, number),),
        ),
    )
