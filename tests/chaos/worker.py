"""A worker of the product in a process of its own, over the database and the object store of the environment."""

import asyncio

from application.parts import open_application
from config import ROOT, load_settings
from prompt_pack.pack import load_pack

DELAYS_S = (30.0, 120.0, 600.0, 1800.0)


async def main() -> None:
    settings = load_settings()
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    async with open_application(settings, pack, lambda *_: None, retry_delays_s=DELAYS_S) as application:
        await application.jobs.run_worker(None)


if __name__ == "__main__":
    asyncio.run(main())
