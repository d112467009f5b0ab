"""Orders of speech as pages and the JSON interface take them."""

from uuid import UUID

from datamodels import UserId
from errors import UnknownChoice
from speeches.store import SpeechOf
from web.services import Services


async def ordered(services: Services, owner: UserId, name: str, value: str) -> UUID:
    """Have the ``answer``, ``report`` or ``text`` said that ``value`` is; return the id of the speech.

    Raises:
        UnknownChoice: ``name`` is none of these.
        VoxPersonaError: as of ``Speeches.order`` and ``order_text``.
    """
    if name not in set(SpeechOf):
        raise UnknownChoice(value=name, allowed=", ".join(SpeechOf))
    kind = SpeechOf(name)
    if kind is SpeechOf.TEXT:
        return (await services.speeches.order_text(owner, value)).id
    return (await services.speeches.order(owner, kind, value)).id
