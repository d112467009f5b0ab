"""Which sets and which of their files are damaged, of what a check has found."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping

import texts.backups
from backups.restic import Damage, PackedFile, Restic, Snapshot

_MOST_TRIED = 200
"""So many pieces of damaged packs are read, a program for each; those beyond count as damaged."""
_MOST_NAMED = 10
_SHOWN_OF_AN_ID = 8


async def damage_in_words(restic: Restic, damage: Damage) -> list[str]:
    """Return a line for each damaged set, with its files that cannot be read, and one of the sets that are whole.

    Raises:
        BackupFailed and others: as the methods of ``Restic``.
    """
    if damage.in_index:
        return [texts.backups.INDEX_DAMAGED]
    lines = [texts.backups.SET_UNREADABLE.format(snapshot=each[:_SHOWN_OF_AN_ID]) for each in sorted(damage.sets)]
    files, whole = await _unreadable(restic, damage), []
    for each in await restic.verified_sets():
        if each.id.startswith(tuple(damage.sets)):
            continue  # the cache still has it
        if not await restic.has_its_list(each.id):
            lines.append(texts.backups.SET_WITHOUT_LIST.format(**_named(each)))
        elif names := files.get(each.id):
            lines.append(texts.backups.FILES_UNREADABLE.format(names=_listed(names), **_named(each)))
        else:
            whole.append(each.id[:_SHOWN_OF_AN_ID])
    return [*lines, *([texts.backups.SETS_WHOLE.format(names=", ".join(whole))] if whole else [])]


async def _unreadable(restic: Restic, damage: Damage) -> Mapping[str, set[str]]:
    """Return the files that cannot be read whole, by set; of a pack that is there often one piece of many is bad."""
    files = await restic.files_in(damage.lost)
    suspects = await restic.files_in(damage.packs)
    bad = {blob async for blob in _bad(restic, suspects)}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for each in [*files, *(each for each in suspects if each.blob in bad)]:
        found[each.snapshot].add(each.path)
    return found


async def _bad(restic: Restic, suspects: Collection[PackedFile]) -> AsyncIterator[str]:
    for number, blob in enumerate(sorted({each.blob for each in suspects})):
        if number >= _MOST_TRIED or not await restic.is_readable(blob):
            yield blob


def _named(snapshot: Snapshot) -> Mapping[str, str]:
    return {"snapshot": snapshot.id[:_SHOWN_OF_AN_ID], "at": f"{snapshot.time.astimezone():%d.%m.%Y %H:%M %Z}"}


def _listed(names: Collection[str]) -> str:
    shown = sorted(names)
    more = texts.backups.AND_MORE.format(count=len(shown) - _MOST_NAMED) if len(shown) > _MOST_NAMED else ""
    return ", ".join(shown[:_MOST_NAMED]) + more
