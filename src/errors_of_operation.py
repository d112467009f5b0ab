"""Errors of an installation that has several processes::

    BadSettings
    └── WorkerAlone                    nobody shares database and object store with a worker
    ObjectStoreUnavailable
    └── OriginalAwaited                trying again helps: the bot's process fetches the original

They belong to the tree that ``errors`` draws.
"""

import texts.errors
from errors import BadSettings, ObjectStoreUnavailable


class WorkerAlone(BadSettings):
    """No bot runs on this machine with the worker's folder {folder}, and these settings are missing: {names}"""

    user_text_template = texts.errors.WORKER_ALONE


class OriginalAwaited(ObjectStoreUnavailable):
    """The object store lost the original of {file_name}; the bot's process has to fetch it again."""

    user_text_template = texts.errors.ORIGINAL_AWAITED
