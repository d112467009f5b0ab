"""The commands that write good answers as training data, and that check such a file."""

import asyncio
import os
from collections import Counter
from pathlib import Path

import texts.cli
import texts.training_data
from application.training_data import collect_examples
from cli.display import Display
from config import Settings
from datamodels_chats import GOOD
from training_data.export import write
from training_data.validation import problems
from utils import folder_problem

_UNFIT_STATUS = 1
_BAD_INPUT_STATUS = 2
_SHOWN_PROBLEMS = 100


async def export(settings: Settings, path: Path, display: Display, *, force: bool) -> int:
    """Write the good answers to ``path`` and print how many there are. Only ``force`` replaces an existing file.

    Returns:
        0; 1 when there is nothing to write, 2 when the file exists or cannot be written.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed: the answers cannot be read.
        DiskFull: no space left.
    """
    if not force and await asyncio.to_thread(os.path.lexists, path):
        display.say(texts.cli.ANSWERS_FILE_IS_THERE.format(path=path))
        return _BAD_INPUT_STATUS
    display.say(texts.cli.ANSWERS_READING)
    examples = await collect_examples(settings)
    try:
        if examples:
            await asyncio.to_thread(write, examples, texts.training_data.SYSTEM, path)
    except OSError as exc:
        display.say(texts.cli.ANSWERS_UNWRITABLE.format(path=path, reason=folder_problem(exc)))
        return _BAD_INPUT_STATUS
    counts = examples.counts
    if counts.written:
        display.say(
            texts.cli.ANSWERS_WRITTEN.format(path=path, examples=texts.training_data.EXAMPLE.counted(counts.written))
        )
    else:
        display.say(texts.cli.ANSWERS_NONE.format(rating=GOOD))
    for text, count in (
        (texts.cli.ANSWERS_DUPLICATES, counts.duplicates),
        (texts.cli.ANSWERS_EMPTY, counts.empty),
        (texts.cli.ANSWERS_OURS, counts.ours),
    ):
        display.say(text.format(count=count))
    return 0 if counts.written else _UNFIT_STATUS


async def check(path: Path, display: Display) -> int:
    """Print what is wrong with a file of examples.

    Returns:
        0; 1 when the file is unfit for training.

    Raises:
        UnreadableFile: the file cannot be read.
    """
    found = await asyncio.to_thread(_tell_problems, path, display)
    if found[False]:
        display.say(texts.cli.ANSWERS_UNFIT.format(path=path, problems=texts.cli.PROBLEM.counted(found[False])))
        return _UNFIT_STATUS
    display.say(texts.cli.ANSWERS_FIT.format(path=path))
    return 0


def _tell_problems(path: Path, display: Display) -> Counter[bool]:
    """Print the first 100 problems and all warnings. Return how many problems (False) and warnings (True) there are."""
    found: Counter[bool] = Counter()
    for problem in problems(path):
        found[problem.is_warning] += 1
        if problem.is_warning:
            display.say(texts.cli.ANSWERS_WARNING.format(text=problem.text))
        elif found[False] <= _SHOWN_PROBLEMS:
            display.say(texts.cli.ANSWERS_PROBLEM.format(line=problem.line, text=problem.text))
    return found
