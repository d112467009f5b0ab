"""Screens of avatars: the list, the dialog that makes one, its card, its pictures, and what is told of its orders."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from uuid import UUID

import texts.avatars
import texts.errors
from avatars.models import (
    COLLECTING,
    FEWEST_PHOTOS,
    MOST_PHOTOS,
    TRAINABLE,
    Aspect,
    Avatar,
    AvatarCard,
    AvatarStatus,
    Gender,
    ImageOrder,
    OrderKind,
    OrderState,
    Photo,
)
from avatars.settings import AvatarRules
from avatars.telling import Ended, file_of
from datamodels_telegram import Button, Keyboard, MessageKind, OutgoingMessage, Screen
from markups.callback_data import Action, button, word_of
from markups.text import LONGEST_REASON, escaped
from system.local_time import local
from text_cleaning import shortened
from texts.errors_in_chats import chat_text

PICTURES_ON_PAGE = 8
_PHOTOS_IN_ROW = 5
_LONGEST_PROMPT = 40
_LONGEST_CAPTION = 300


def avatars_screen(avatars: Sequence[Avatar], *, is_test: bool, may_order: bool, note: str = "") -> Screen:
    """Show a person's avatars, below a ``note`` in HTML if there is one."""
    lines = [
        texts.avatars.LINE.format(
            icon=texts.avatars.ICONS[each.status],
            name=escape(each.name, quote=False),
            status=texts.avatars.STATUSES[each.status],
        )
        for each in avatars
    ]
    blocks = [note, texts.avatars.TITLE, "\n".join(lines) if lines else texts.avatars.NONE]
    rows = [(_item(each),) for each in avatars]
    return Screen(
        text="\n\n".join(filter(None, (*blocks, texts.avatars.TEST if is_test else ""))),
        keyboard=(
            *rows,
            *([(button(texts.avatars.NEW, Action.AVATAR_NEW),)] if may_order else []),
            (button(texts.avatars.BACK, Action.MENU_MAIN),),
        ),
    )


def ask_name(problem: str = "") -> Screen:
    return Screen(text=escaped(problem) if problem else texts.avatars.ASK_NAME, keyboard=_back_to_list())


def ask_gender(avatar: Avatar) -> Screen:
    genders = tuple(
        button(texts.avatars.GENDERS[each], Action.AVATAR_GENDER, avatar.number, each.value) for each in Gender
    )
    text = texts.avatars.ASK_GENDER.format(name=escape(avatar.name, quote=False))
    return Screen(text=text, keyboard=(genders, *_back_to_list()))


def ask_consent(avatar: Avatar) -> Screen:
    text = texts.avatars.ASK_CONSENT.format(name=escape(avatar.name, quote=False))
    row = (button(texts.avatars.CONSENT, Action.AVATAR_CONSENT, avatar.number),)
    return Screen(text=text, keyboard=(row, *_back_to_list()))


def avatar_card(card: AvatarCard, rules: AvatarRules, left: int) -> Screen:
    """Show an avatar as it is; ``left`` is how many trainings its person has left in this month."""
    avatar = card.avatar
    if avatar.status is AvatarStatus.DRAFT and card.may_order:
        return ask_gender(avatar) if avatar.gender is None else ask_consent(avatar)
    head = texts.avatars.CARD.format(name=escape(avatar.name, quote=False))
    blocks = [head, *_told(card, rules, left), texts.avatars.TEST if avatar.is_test else ""]
    return Screen(text="\n\n".join(filter(None, blocks)), keyboard=_buttons(card, rules))


def card_kind(avatar: Avatar) -> MessageKind:
    """Return what the card of an avatar is: that of a training stays until the avatar's next one."""
    return MessageKind.INFO_MESSAGE if avatar.status is AvatarStatus.TRAINING else MessageKind.MENU


def consent_hint() -> Screen:
    return Screen(text=texts.avatars.CONSENT_BY_BUTTON)


def where_photos_go(waiting: Sequence[Avatar]) -> Screen:
    """Tell where a photograph can go that nothing has asked for: to the avatars that are ``waiting`` for some."""
    if not waiting:
        keyboard: Keyboard = ((button(texts.avatars.BUTTON, Action.AVATARS),),)
        return Screen(text=texts.avatars.PHOTOS_ARE_FOR_AVATARS, keyboard=keyboard)
    return Screen(text=texts.avatars.PHOTO_NOT_TAKEN, keyboard=tuple((_item(each),) for each in waiting))


def photos_screen(avatar: Avatar, photos: Sequence[Photo]) -> Screen:
    """Show an avatar's photographs, each a button with its place in the set."""
    text = texts.avatars.PHOTOS_TITLE.format(name=escape(avatar.name, quote=False), count=len(photos))
    buttons = [
        button(str(place), Action.AVATAR_PHOTO, word_of(photo.id), avatar.number)
        for place, photo in enumerate(photos, 1)
    ]
    rows = [tuple(buttons[start : start + _PHOTOS_IN_ROW]) for start in range(0, len(buttons), _PHOTOS_IN_ROW)]
    return Screen(text=text, keyboard=(*rows, _back(avatar.number)))


def photo_caption(avatar: Avatar, photo: UUID, place: int) -> Screen:
    """Show a photograph, with a button that takes it out."""
    row = (button(texts.avatars.PHOTO_REMOVE, Action.AVATAR_PHOTO_REMOVE, word_of(photo), avatar.number),)
    text = texts.avatars.PHOTO_CAPTION.format(name=escape(avatar.name, quote=False), place=place)
    return Screen(text=text, keyboard=(row,))


def delete_question(avatar: Avatar) -> Screen:
    return Screen(
        text=texts.avatars.DELETE_QUESTION.format(name=escape(avatar.name, quote=False)),
        keyboard=(
            (
                button(texts.avatars.DELETE_YES, Action.AVATAR_DELETE_CONFIRM, avatar.number),
                button(texts.avatars.BACK, Action.AVATAR, avatar.number),
            ),
        ),
    )


def ask_aspect(avatar: Avatar, price: Decimal, left: int) -> Screen:
    """Ask for a picture's shape; ``price`` is that of one, in US dollars."""
    name = escape(avatar.name, quote=False)
    aspects = tuple(
        button(texts.avatars.ASPECTS[each], Action.AVATAR_PAINT, avatar.number, each.value) for each in Aspect
    )
    text = texts.avatars.ASK_ASPECT.format(name=name, price=dollars(price), left=left)
    return Screen(text=_marked(text, avatar), keyboard=(aspects, _back(avatar.number)))


def ask_prompt(avatar: Avatar, aspect: Aspect, problem: str = "") -> Screen:
    name = escape(avatar.name, quote=False)
    text = texts.avatars.ASK_PROMPT.format(name=name, aspect=texts.avatars.ASPECTS[aspect])
    return Screen(text=escaped(problem) if problem else text, keyboard=(_back(avatar.number),))


def painting(order: ImageOrder) -> Screen:
    text = texts.avatars.PAINTING.format(prompt=escaped(order.prompt or "", _LONGEST_CAPTION))
    return Screen(text=f"{text}\n\n{texts.avatars.TEST}" if order.is_test else text)


def gallery(avatar: Avatar, page: int, pictures: Sequence[ImageOrder], total: int) -> Screen:
    """Show a page of pictures, each a button that sends it."""
    name = escape(avatar.name, quote=False)
    text = texts.avatars.PICTURES if total else texts.avatars.NO_PICTURES
    rows: list[tuple[Button, ...]] = [(button(_picture_title(each), Action.PICTURE, each.number),) for each in pictures]
    last = max(1, -(-total // PICTURES_ON_PAGE))
    turns = [(sign, other) for sign, other in (("‹", page - 1), ("›", page + 1)) if 1 <= other <= last]
    if turns:
        rows.append(tuple(button(sign, Action.AVATAR_GALLERY, avatar.number, other) for sign, other in turns))
    return Screen(text=text.format(name=name, total=total), keyboard=(*rows, _back(avatar.number)))


def picture_message(ended: Ended) -> OutgoingMessage:
    """Return the message with a picture."""
    order, avatar = ended.order, ended.avatar
    prompt = escaped(order.prompt or "", _LONGEST_CAPTION)
    caption = _marked(texts.avatars.PICTURE_CAPTION.format(number=order.number, prompt=prompt), avatar)
    again = [button(texts.avatars.AGAIN, Action.AVATAR_PAINT, avatar.number)] if ended.may_order else []
    keyboard = (
        (*again, button(texts.avatars.OPEN, Action.AVATAR, avatar.number)),
        (button(texts.avatars.PICTURE_DELETE, Action.PICTURE_DELETE, order.number),),
    )
    screen = Screen(text=caption, keyboard=keyboard)
    return OutgoingMessage(kind=MessageKind.RESULT, screen=screen, file=file_of(order))


def ended_message(ended: Ended) -> OutgoingMessage | None:
    """Return what a person is told of an order that has ended; None of a cancelled one."""
    order, avatar = ended.order, ended.avatar
    if order.state is OrderState.CANCELLED:
        return None
    if order.kind is OrderKind.PICTURE and order.state is OrderState.DONE:
        return picture_message(ended)
    name = escape(avatar.name, quote=False)
    reason = _reason(order.error_code, order.error_text)
    if order.kind is OrderKind.PICTURE:
        prompt = escaped(order.prompt or "", _LONGEST_CAPTION)
        notice = texts.avatars.PICTURE_UNCERTAIN_NOTICE if order.is_uncertain else texts.avatars.PICTURE_FAILED_NOTICE
        text = notice.format(prompt=prompt, reason=reason)
    elif order.state is OrderState.DONE:
        text = texts.avatars.DONE_NOTICE.format(name=name)
    else:
        notice = texts.avatars.UNCERTAIN_NOTICE if order.is_uncertain else texts.avatars.FAILED_NOTICE
        text = notice.format(name=name, reason=reason)
    can_paint = order.kind is OrderKind.PICTURE and ended.may_order
    again = [button(texts.avatars.ONCE_MORE, Action.AVATAR_PAINT, avatar.number)] if can_paint else []
    keyboard = ((*again, button(texts.avatars.OPEN, Action.AVATAR, avatar.number)),)
    screen = Screen(text=_marked(text, avatar), keyboard=keyboard)
    return OutgoingMessage(kind=MessageKind.INFO_MESSAGE, screen=screen)


def delayed_message(late: Ended) -> OutgoingMessage:
    """Return what a person is told, once, of a picture that does not go on."""
    again = [button(texts.avatars.ONE_MORE, Action.AVATAR_PAINT, late.avatar.number)] if late.may_order else []
    keyboard = ((*again, button(texts.avatars.OPEN, Action.AVATAR, late.avatar.number)),)
    screen = Screen(text=_marked(_delay(late.order, may_order=late.may_order), late.avatar), keyboard=keyboard)
    return OutgoingMessage(kind=MessageKind.INFO_MESSAGE, screen=screen)


def under_way_lines(works: Sequence[tuple[Avatar, ImageOrder]]) -> list[str]:
    """Return a line of plain text for each training and picture that goes on."""
    lines = []
    for avatar, order in works:
        if order.kind is OrderKind.TRAINING:
            lines.append(texts.avatars.STATUS_TRAINING.format(name=avatar.name, stage=_stage(order)))
        else:
            prompt = shortened(order.prompt or "", _LONGEST_PROMPT)
            line = texts.avatars.STATUS_PICTURE.format(name=avatar.name, prompt=prompt)
            waits = texts.avatars.STATUS_WAITS.format(reason=why_waiting(order)) if order.error_code else ""
            lines.append(line + waits)
    return lines


def under_way_buttons(works: Sequence[tuple[Avatar, ImageOrder]]) -> Keyboard:
    """Return a button to each avatar for which something goes on."""
    return tuple((_item(avatar),) for avatar in {avatar.number: avatar for avatar, _ in works}.values())


def dollars(price: Decimal) -> str:
    """Return a price as people read it, with two digits after the comma."""
    return f"{price:.2f}".replace(".", ",")


def _told(card: AvatarCard, rules: AvatarRules, left: int) -> list[str]:
    """Return the blocks of a card below its name."""
    avatar = card.avatar
    if not card.may_order:
        looked_at = _going_on(card.order) if avatar.status is AvatarStatus.TRAINING else [_photos(card)]
        return [*looked_at, *_delays(card), texts.avatars.NOT_ALLOWED]
    reason = _reason(avatar.error_code, avatar.error_text)
    price = texts.avatars.CARD_PRICE.format(steps=rules.steps, price=dollars(rules.training_usd), left=left)
    if avatar.status in COLLECTING:
        is_ready = avatar.status is AvatarStatus.READY_FOR_TRAINING
        needed = texts.avatars.CARD_READY if is_ready else texts.avatars.CARD_NEEDED
        return [_photos(card), needed.format(fewest=FEWEST_PHOTOS, most=MOST_PHOTOS), price if is_ready else ""]
    if avatar.status is AvatarStatus.TRAINING:
        return _going_on(card.order)
    if avatar.status is AvatarStatus.COMPLETED:
        return [texts.avatars.CARD_COMPLETED.format(pictures=card.pictures), *_delays(card)]
    if avatar.status is AvatarStatus.ERROR:
        told = texts.avatars.CARD_UNCERTAIN if avatar.is_uncertain else texts.avatars.CARD_ERROR
        return [told.format(reason=reason), price]
    return [texts.avatars.CARD_CANCELLED, price]


def _delays(card: AvatarCard) -> list[str]:
    return [_delay(order, may_order=card.may_order) for order in card.delayed]


def _delay(order: ImageOrder, *, may_order: bool) -> str:
    """Return that a picture comes late, and what its person can do."""
    text = texts.avatars.DELAYED.format(reason=why_waiting(order), prompt=escaped(order.prompt or "", _LONGEST_CAPTION))
    return f"{text} {texts.avatars.DELAYED_OTHER}" if may_order else text


def _photos(card: AvatarCard) -> str:
    counts = card.photos
    line = texts.avatars.CARD_PHOTOS.format(accepted=counts.accepted, most=MOST_PHOTOS)
    if counts.waiting:
        line += texts.avatars.CARD_WAITING.format(waiting=counts.waiting)
    if not counts.refused:
        return line
    items = [
        texts.avatars.REFUSED_ITEM.format(reason=escaped(why_refused(reason)), count=count)
        for reason, count in counts.refused.items()
    ]
    return f"{line}\n{texts.avatars.CARD_REFUSED.format(reasons='; '.join(items))}"


def why_refused(text: str) -> str:
    """Return why a photograph is refused, without the rest of the sentence."""
    before, _, after = texts.errors.PHOTO_REFUSED.partition("{reason}")
    return text.removeprefix(before).removesuffix(after)


def _going_on(order: ImageOrder | None) -> list[str]:
    if order is None:
        return [texts.avatars.STAGES[None]]
    told = [_stage(order)]
    if order.error_code is not None:
        told.append(texts.avatars.TROUBLE.format(reason=why_waiting(order)))
    return told


def why_waiting(order: ImageOrder) -> str:
    """Return why an open order does not go on now."""
    return texts.avatars.TROUBLES.get(order.error_code or "", texts.avatars.OTHER_TROUBLE)


def _stage(order: ImageOrder) -> str:
    """Return how far a training is, and since when."""
    known = {OrderState.WAITING: None, OrderState.SENDING: "sending"}
    stage = texts.avatars.STAGES[known.get(order.state, order.stage or "sent")]
    if order.cancel_wanted:
        stage = texts.avatars.STAGE_CANCELLING
    return texts.avatars.SINCE.format(stage=stage, time=f"{local(order.sent_at or order.created_at):%H:%M}")


def _buttons(card: AvatarCard, rules: AvatarRules) -> Keyboard:
    avatar, number = card.avatar, card.avatar.number
    price = dollars(rules.training_usd)
    rows: list[tuple[Button, ...]] = []
    starts = {
        AvatarStatus.READY_FOR_TRAINING: texts.avatars.START,
        AvatarStatus.ERROR: texts.avatars.START_AGAIN,
        AvatarStatus.CANCELLED: texts.avatars.START_AGAIN,
    }
    if avatar.is_uncertain:
        starts[AvatarStatus.ERROR] = texts.avatars.START_UNCERTAIN
    if avatar.status in starts and card.may_order:
        rows.append((button(starts[avatar.status].format(price=price), Action.AVATAR_START, number),))
    if avatar.status in COLLECTING | TRAINABLE and card.photos.accepted:
        shown = texts.avatars.PHOTOS.format(count=card.photos.accepted)
        rows.append((button(shown, Action.AVATAR_PHOTOS, number),))
    if avatar.status is AvatarStatus.TRAINING and not (card.order and card.order.cancel_wanted):
        rows.append((button(texts.avatars.CANCEL, Action.AVATAR_CANCEL, number),))
    if avatar.status is AvatarStatus.COMPLETED:
        shown = texts.avatars.GALLERY.format(count=card.pictures)
        if card.may_order:
            rows.append((button(texts.avatars.PAINT, Action.AVATAR_PAINT, number),))
        rows.append((button(shown, Action.AVATAR_GALLERY, number, 1),))
    rows.append((button(texts.avatars.DELETE, Action.AVATAR_DELETE, number),))
    return (*rows, *_back_to_list())


def _reason(code: str | None, text: str | None) -> str:
    return escaped(chat_text(code, text), LONGEST_REASON)


def _marked(text: str, avatar: Avatar) -> str:
    return f"{text}\n\n{texts.avatars.TEST}" if avatar.is_test else text


def _item(avatar: Avatar) -> Button:
    icon = texts.avatars.ICONS[avatar.status]
    text = texts.avatars.ITEM.format(icon=icon, number=avatar.number, name=avatar.name)
    return button(text, Action.AVATAR, avatar.number)


def _picture_title(order: ImageOrder) -> str:
    prompt = order.prompt or ""
    return texts.avatars.PICTURE_ITEM.format(number=order.number, prompt=shortened(prompt, _LONGEST_PROMPT))


def _back(number: int) -> tuple[Button, ...]:
    return (button(texts.avatars.BACK, Action.AVATAR, number),)


def _back_to_list() -> Keyboard:
    return ((button(texts.avatars.BACK, Action.AVATARS),),)
