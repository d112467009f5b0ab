"""Whether any request makes the application fail: 10,000 that its own description of the JSON interface allows, or not.

``pytest -s tests/benchmarks/test_any_request.py`` prints how often each status came; ``REQUESTS`` sends more, or fewer.
Of ``voice/process``, which waits for what is said to be heard, 500 come of their own.
"""

import os
from pathlib import Path

import pytest

from any_requests import questions, storm
from console_world import world
from db import Database
from handlers_world import Bot
from object_files import FolderObjectStore

REQUESTS = int(os.environ.get("REQUESTS", "10000"))
QUESTIONS = 500


@pytest.mark.timeout(7200)
async def test_no_request_makes_the_application_fail(database_url: str, tmp_path: Path) -> None:
    database = await Database.open(database_url)
    async with world(Bot(database, tmp_path, FolderObjectStore(tmp_path / "objects")), tmp_path) as console:
        owner = console.people["researcher"]
        number = (await owner.has_recording()).number
        upload = await console.services.uploads.begin(owner.user.id, "b.wav", 9, "none")
        ids = {"number": str(number), "upload_id": str(upload.id), "extension": "docx", "place": "1"}
        async with console.browser("researcher") as browser:
            found = await storm(console, browser, ids, REQUESTS)
            asked = await questions(console, browser, QUESTIONS)
    await database.close()
    print(f"\n{sum(found.values())} requests: {dict(sorted(found.items()))}")
    assert sum(found.values()) >= REQUESTS
    print(f"{sum(asked.values())} questions: {dict(sorted(asked.items()))}")
    assert found[200] > REQUESTS / 10
    assert sum(asked.values()) >= QUESTIONS
    assert asked[200] > QUESTIONS / 10
