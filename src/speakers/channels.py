"""Which channels of a recording are heard: each person's own one by itself, and the others mixed.

Tracks and channels come in every kind: a call with a person on each side, a microphone beside a recording of it all, a
stereo picture of one room, a side that is silent, hums, or is the other upside down. What they are is judged by who is
heard where: a channel *carries* another one when it is as loud wherever that one speaks.

Channels that are people of their own stand one after another in the prepared audio, so that everything after it hears
one recording: see ``Layout``.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from audio import prepare, tracks_of
from constants import SAMPLE_RATE
from datamodels import AudioInfo, Interval, MissingInterval, Segment, Value
from utils import disk_full_mapped
from voices.activity import speech_intervals

_GAP_S = 15.0
"""Silence between channels that stand one after another: parts are never planned across so much of it."""

_FRAME = SAMPLE_RATE // 20
_BLOCK = SAMPLE_RATE * 60 // _FRAME * _FRAME
"""Samples of a frame whose loudness is compared, and samples that are in memory at once."""

_SILENT_DB = -80.0
_QUIET_DB, _WANTED_DB, _MOST_GAIN_DB = -35.0, -23.0, 40.0
"""Speech below ``_QUIET_DB`` of full scale is made as loud as ``_WANTED_DB``."""

_LOUD_FRAMES = 40
"""Speech is as loud as its loudest two seconds."""

_LEAST_SPEECH_S = 0.5
_LEAST_SHARE = 0.01
"""Speech in a channel that counts, in seconds and as a share of that in the channel with most."""

_AS_LOUD_DB = 10.0
_MOSTLY = 0.7
"""One channel carries another when it is at most ``_AS_LOUD_DB`` quieter in this share of the other's speech."""

_LEAK_DB = 9.0
_LEAK_FRAMES = 5
"""A channel is muted where it is at most so much louder than the leak of another one, over frames around."""

_SAME = 0.9
"""Channels of at least this correlation, of samples, have the same sound."""
_PART = 0.2
"""The least share of a channel's loudness that another one has in it as a part of a sum."""
_ALIKE = 0.6
"""Channels in which the same is heard have loudness that rises and falls together, with at least this correlation."""

Levels = NDArray[np.float32]
"""Loudness (channels, frames) in decibels of full scale."""
Mask = NDArray[np.bool_]
"""Frames (channels, frames) of which something is true."""

_Interval = TypeVar("_Interval", bound=Interval)


class Layout(Value):
    """How the prepared audio is laid out: ``channels`` stretches of ``duration_s`` seconds, with silence between."""

    channels: int
    duration_s: float

    @property
    def whole_s(self) -> float:
        """The seconds of the prepared audio."""
        return self.channels * (self.duration_s + _GAP_S) - _GAP_S

    def at_home(self, segments: Sequence[Segment]) -> tuple[Segment, ...]:
        """Return segments of the prepared audio at their times in the recording, each with its channel's speaker."""
        if self.channels == 1:
            return tuple(segments)
        return tuple(sorted((self._segment_at_home(each) for each in segments), key=lambda each: each.start))

    def missing_at_home(self, missing: Sequence[MissingInterval]) -> tuple[MissingInterval, ...]:
        """Return missing stretches of the prepared audio at their times in the recording."""
        moved = (self._moved(each, self._channel(each.start)) for each in missing)
        return tuple(sorted(moved, key=lambda each: each.start))

    def _channel(self, moment: float) -> int:
        # Where somebody speaks is told with a little of the silence around it.
        return min(int((moment + _GAP_S / 2) / (self.duration_s + _GAP_S)), self.channels - 1)

    def _segment_at_home(self, segment: Segment) -> Segment:
        channel = self._channel(segment.start)
        words = segment.words and tuple(self._moved(word, channel) for word in segment.words)
        moved = self._moved(segment, channel)
        return moved.model_copy(update={"speaker": f"S{channel + 1}", "words": words})

    def _moved(self, interval: _Interval, channel: int) -> _Interval:
        begin = channel * (self.duration_s + _GAP_S)
        start, end = (min(max(time - begin, 0.0), self.duration_s) for time in (interval.start, interval.end))
        return interval.model_copy(update={"start": start, "end": end})


@dataclass(frozen=True)
class _Decoded:
    """Decoded samples of a track: 16 kHz, signed 16-bit little-endian; those of its ``channels`` alternate."""

    path: Path
    channels: int

    def samples(self, first: int, count: int) -> NDArray[np.float32]:
        """Return samples (n, channels) from position ``first``, at most ``count``, in [-1, 1]."""
        width = 2 * self.channels
        raw = np.fromfile(self.path, "<i2", count=count * self.channels, offset=first * width)
        return raw.reshape(-1, self.channels).astype(np.float32) / np.float32(32768)

    @property
    def length(self) -> int:
        return self.path.stat().st_size // (2 * self.channels)


async def prepare_channels(
    original: Path, pcm: Path, info: AudioInfo, *, file_name: str, ffmpeg: Path, time_limit_s: float
) -> tuple[Layout, tuple[Interval, ...]]:
    """Write the prepared audio ``pcm`` of what is heard in ``original``; return its layout and where speech is in it.

    Decoding each track may take ``time_limit_s``.

    Raises:
        BrokenRecording, RecordingTooLong: as ``audio.prepare`` does.
        DiskFull: no space for the samples.
        MissingProgram: ``ffmpeg`` or the model of voice activity is not installed.
    """
    tracks = tracks_of(info)
    alone = len(tracks) == 1 and tracks[0].channels == 1
    paths = [pcm if alone else pcm.with_name(f"track{track.number}.pcm") for track in tracks]
    try:
        for track, path in zip(tracks, paths, strict=True):
            await prepare(original, path, file_name=file_name, ffmpeg=ffmpeg, time_limit_s=time_limit_s, track=track)
        decoded = [_Decoded(path, track.channels) for track, path in zip(tracks, paths, strict=True)]
        return await _arrange(decoded, pcm)
    finally:
        for path in paths:
            if path != pcm:
                await asyncio.to_thread(path.unlink, missing_ok=True)


async def _arrange(tracks: Sequence[_Decoded], pcm: Path) -> tuple[Layout, tuple[Interval, ...]]:
    levels, products = await asyncio.to_thread(_measured, tracks)
    length = max(track.length for track in tracks)
    # Most stereo is one microphone twice: that is not listened to twice.
    twins = _without_sums(products, _twins(products))
    mixes = [{channel: sign * _gain(levels[twin[0]]) for channel, sign in _signs(products, twin)} for twin in twins]
    audible = None
    if len(twins) > 1:
        levels = levels[[twin[0] for twin in twins]]
        speaks = np.zeros(levels.shape, np.bool_)
        for number, mix in enumerate(mixes):
            if levels[number].max(initial=_SILENT_DB) > _SILENT_DB:
                await asyncio.to_thread(_write, tracks, [mix], None, pcm)
                for interval in await speech_intervals(pcm):
                    speaks[number, _frame_at(interval.start) : _frame_at(interval.end)] = True
        groups = heard_channels(levels, speaks)
        audible = ~leaks(levels, speaks, groups)
        mixes = [_joined(products, [mixes[number] for number in group]) for group in groups]
    if mixes != [{0: 1.0}] or tracks[0].path != pcm:
        await asyncio.to_thread(_write, tracks, mixes, audible, pcm)
    return Layout(channels=len(mixes), duration_s=length / SAMPLE_RATE), await speech_intervals(pcm)


def _frame_at(moment: float) -> int:
    return round(moment * SAMPLE_RATE / _FRAME)


def heard_channels(levels: Levels, speaks: Mask) -> list[list[int]]:
    """Return the groups of channels that are heard, each mixed into one; what is heard elsewhere as well is left out.

    ``speaks`` tells the frames with speech in them.
    """
    spoken_s = speaks.sum(axis=1) * _FRAME / SAMPLE_RATE
    least_s = max(_LEAST_SPEECH_S, _LEAST_SHARE * spoken_s.max())
    alive = [channel for channel in range(len(levels)) if spoken_s[channel] >= least_s]
    if not alive:
        return [[int(levels.mean(axis=1).argmax())]]
    carries = {(one, other) for one, other in permutations(alive, 2) if _carries(levels, speaks, one, other)}
    for mix in list(alive):
        parts = [other for other in alive if (mix, other) in carries and (other, mix) not in carries]
        apart = any((one, other) not in carries for one, other in permutations(parts, 2))
        if apart and speaks[mix][~speaks[parts].any(axis=0)].sum() <= (1 - _MOSTLY) * speaks[mix].sum():
            alive.remove(mix)
    for one, other in permutations(list(alive), 2):
        if one in alive and other in alive and (one, other) in carries and (other, one) not in carries:
            alive.remove(other)
    groups: list[list[int]] = []
    for channel in alive:
        same = next((group for group in groups if (group[0], channel) in carries), None)
        if same is None:
            groups.append([channel])
        else:
            same.append(channel)
    return groups


def _carries(levels: Levels, speaks: Mask, one: int, other: int) -> bool:
    """Tell whether all that is said in ``other`` is heard in ``one``, too, about as loud."""
    theirs = levels[other][speaks[other]]
    mine = levels[one][speaks[other]]
    loud = theirs >= np.median(theirs)
    return bool(np.mean(mine[loud] >= theirs[loud] - _AS_LOUD_DB) >= _MOSTLY) and _alike(mine, theirs)


def _alike(one: Levels, other: Levels) -> bool:
    if len(one) < 2 or one.std() == 0 or other.std() == 0:
        return False
    return bool(np.corrcoef(one, other)[0, 1] >= _ALIKE)


def leaks(levels: Levels, speaks: Mask, groups: Sequence[Sequence[int]]) -> Mask:
    """Return the frames (groups, frames) in which a group hears no more than what leaks into it from another one."""
    loudness = np.stack([levels[group].max(axis=0) for group in groups])
    spoken = np.stack([speaks[group].any(axis=0) for group in groups])
    found = np.zeros(loudness.shape, np.bool_)
    for one, other in permutations(range(len(groups)), 2):
        difference = (loudness[one] - loudness[other])[spoken[other]]
        if not difference.size:
            continue
        leak = np.percentile(difference, 25)
        alone = spoken[other] & (loudness[one] - loudness[other] <= np.median(difference))
        if leak <= -_LEAK_DB and _alike(loudness[one][alone], loudness[other][alone]):
            only = spoken[other] & (loudness[one] - loudness[other] < leak + _LEAK_DB)
            # A word has louder and softer frames: most of those around decide.
            near = np.convolve(only, np.ones(2 * _LEAK_FRAMES + 1), "same") > _LEAK_FRAMES
            found[one] |= near
    return found


def _measured(tracks: Sequence[_Decoded]) -> tuple[Levels, NDArray[np.float64]]:
    """Return the loudness of all channels of all tracks, and their products (channels, channels). Blocking."""
    levels: list[Levels] = []
    products = np.zeros(1)
    for samples in _blocks(tracks):
        power = np.add.reduceat(samples**2, np.arange(0, len(samples), _FRAME), axis=0) / _FRAME
        levels.append(10 * np.log10(np.maximum(power, 10 ** (_SILENT_DB / 10))).T)
        products = products + samples.T @ samples
    return np.concatenate(levels, axis=1), products


def _twins(products: NDArray[np.float64]) -> list[list[int]]:
    """Return the groups of channels that have the same sound, maybe upside down or softer."""
    powers = np.sqrt(np.maximum(products.diagonal(), 1e-9))
    correlation = np.abs(products) / np.outer(powers, powers)
    twins: list[list[int]] = []
    for channel in np.argsort(-powers):
        same = next((twin for twin in twins if correlation[twin[0], channel] >= _SAME), None)
        if same is None:
            twins.append([int(channel)])
        else:
            same.append(int(channel))
    return sorted(twins)


def _without_sums(products: NDArray[np.float64], twins: Sequence[list[int]]) -> list[list[int]]:
    """Return the twins without those that are the sum of others, as a recorder's track of everything is."""
    left = list(twins)
    for twin in twins:
        others = [each[0] for each in left if each is not twin]
        if len(others) > 1 and _is_sum(products, twin[0], others):
            left.remove(twin)
    return left


def _is_sum(products: NDArray[np.float64], channel: int, others: Sequence[int]) -> bool:
    power = max(float(products[channel, channel]), 1e-9)
    common = products[others, channel]
    among = products[np.ix_(others, others)]
    factors = np.linalg.lstsq(among, common, rcond=1e-6)[0]
    shares = factors * np.sqrt(among.diagonal() / power)
    return bool(factors @ common / power >= _SAME**2 and (shares > _PART).sum() > 1 and not (shares < -_PART).any())


def _gain(levels: Levels) -> float:
    """Return by what quiet speech is multiplied; 1 for all other sound."""
    # Somebody may say little in a long recording.
    loud = float(np.sort(levels)[-min(_LOUD_FRAMES, levels.size)]) if levels.size else _SILENT_DB
    if not _SILENT_DB < loud < _QUIET_DB:
        return 1.0
    return float(10 ** (min(_WANTED_DB - loud, _MOST_GAIN_DB) / 20))


def _signs(products: NDArray[np.float64], channels: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield each channel with 1, or with -1 where it is the first of them upside down."""
    return ((channel, -1 if products[channels[0], channel] < 0 else 1) for channel in channels)


def _joined(products: NDArray[np.float64], mixes: Sequence[dict[int, float]]) -> dict[int, float]:
    """Return one mix of several, all of them the right way up."""
    factors = {channel: abs(factor) for mix in mixes for channel, factor in mix.items()}
    return {channel: sign * factors[channel] for channel, sign in _signs(products, list(factors))}


def _blocks(tracks: Sequence[_Decoded]) -> Iterator[NDArray[np.float32]]:
    """Yield blocks (samples, channels) of all tracks, shorter ones silent at the end."""
    length = max(track.length for track in tracks)
    for at in range(0, length, _BLOCK):
        count = min(_BLOCK, length - at)
        samples = [track.samples(min(at, track.length), count) for track in tracks]
        yield np.concatenate([np.pad(each, ((0, count - len(each)), (0, 0))) for each in samples], axis=1)


def _write(tracks: Sequence[_Decoded], mixes: Sequence[dict[int, float]], audible: Mask | None, pcm: Path) -> None:
    """Write the ``mixes``, each of channels with their factors, one after another with a gap between. Blocking.

    ``audible`` tells the frames (mixes, frames) of each that are heard; None means all.

    Raises:
        DiskFull: no space left; ``pcm`` is as it was.
    """
    unfinished = pcm.with_name(f"{pcm.name}.unfinished")
    try:
        with disk_full_mapped(pcm), unfinished.open("wb") as file:
            for number, mix in enumerate(mixes):
                if number:
                    file.write(bytes(round(_GAP_S * SAMPLE_RATE) * 2))
                for block, samples in enumerate(_blocks(tracks)):
                    mixed = samples[:, list(mix)] @ np.array(list(mix.values()), np.float32) / len(mix)
                    if audible is not None:
                        frames = audible[number, block * _BLOCK // _FRAME :][: -(-len(samples) // _FRAME)]
                        mixed *= np.repeat(frames, _FRAME)[: len(samples)]
                    file.write((np.clip(mixed, -1.0, 1.0) * 32767).astype("<i2").tobytes())
        unfinished.replace(pcm)
    finally:
        unfinished.unlink(missing_ok=True)
