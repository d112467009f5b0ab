"""Health of a bot or worker: its parts with their checks, the HTTP application, and notices to the owner."""
# ruff: noqa: PLC0415

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from application.checked_out import commit
from application.endpoints import Endpoint, language_endpoint, speech_endpoint
from application.engines import EMBEDDED_MODEL, VOICE_ENCODER
from application.images import rules_of
from application.local_speech import needed_weights
from application.notices import Notices
from application.parts import Application
from config import EmbeddingsEngine, LlmEngine, Settings, version
from embedded.engines import Engines as EmbeddedEngines
from health.alarms import Alarms
from health.backups import backup_check
from health.board import Board, Part
from health.calls import RealCalls
from health.checks import (
    Check,
    database_check,
    disk_check,
    following_check,
    images_check,
    index_check,
    jobs_check,
    objects_check,
    telegram_check,
)
from health.endpoints import endpoint_check, local_check, needing, off
from health.watch import HealthWatch
from knowledge.knowledge_index import KnowledgeIndex
from messenger import Messenger
from outcomes import Purpose
from provider_calls.probe import EndpointProbe
from weights.installer import are_there

if TYPE_CHECKING:
    from web.site import Site

_TOLD_FILE = "alarms_told.json"


@asynccontextmanager
async def http_served(settings: Settings, board: Board, *, with_console: bool = False) -> AsyncIterator["Site | None"]:
    """Serve health, metrics and version during the block, unless the settings say no or the default port is taken.

    With the console, yield its ``Site``, which has no services yet; None without, and when nothing is served.

    Raises:
        BadSettings: the configured host or port cannot be used.
    """
    if settings.http_port == 0:
        yield None
        return
    # Not earlier: FastAPI takes a third of a second to load, and commands do without it.
    from web.application import Facts, new_application
    from web.server import listen, serving

    listener = await listen(settings.http_host, settings.http_port)
    if listener is None:
        yield None
        return
    facts = Facts(version(), await asyncio.to_thread(commit, settings))
    served, site = new_application(board, facts, settings.http_token), None
    if with_console:
        from web.console_application import add_console
        from web.site import Site

        site = Site(settings.web_address, settings.http_host, webhook=settings.fal_webhook_url)
        await asyncio.to_thread(add_console, served, site)
    async with serving(served, listener):
        yield site


class Health:
    """Watches an opened bot or worker, and tells the owner of troubles.

    A worker has neither messenger nor notices: the bot that it works for tells the owner. ``index`` is what a worker
    answers from.
    """

    def __init__(
        self,
        application: Application,
        board: Board,
        telegram: Messenger | None = None,
        notices: Notices | None = None,
        index: KnowledgeIndex | None = None,
    ) -> None:
        settings = application.settings
        self._board = board
        self._probes = Probes(settings, application.embedded)
        has_worker = telegram is None or settings.bot_takes_jobs
        checks = {
            Part.DATABASE: database_check(application.database),
            Part.OBJECTS: objects_check(application.objects),
            Part.ASR: self._probes.speech_check(),
            Part.LLM: self._probes.language_check(),
            Part.JOBS: jobs_check(application.database, lambda: application.jobs.is_working or not has_worker),
            Part.DISK: disk_check(settings.persistent_dir),
            Part.IMAGES: images_check(application.database, is_on=rules_of(settings) is not None),
            Part.BACKUP: backup_check(settings.persistent_dir / "backups"),
        }
        if telegram is not None:
            checks[Part.TELEGRAM] = telegram_check(telegram)
            has_embeddings = settings.embeddings_engine is not EmbeddingsEngine.OFF
            checks[Part.INDEX] = index_check(application.database, has_embeddings=has_embeddings)
        if index is not None:
            checks[Part.INDEX] = following_check(lambda: index.followed_at)
        self._watch = HealthWatch(board, checks)
        self._alarms = None if notices is None else self._alarms_of(application, notices)

    def _alarms_of(self, application: Application, notices: Notices) -> Alarms:
        settings = application.settings
        # When an embedded database dies, ``Notices.engine_revived`` and ``engine_stuck`` tell the owner.
        silent = frozenset[Part]() if settings.database_url else frozenset({Part.DATABASE})
        told = settings.persistent_dir / "spool" / _TOLD_FILE
        return Alarms(self._board, application.database, notices.tell, told, silent=silent)

    async def run(self) -> None:
        """Watch the parts and send notices until cancelled; from then on the process reports that it is not ready."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._note_the_stop())
                group.create_task(self._watch.run())
                if self._alarms is not None:
                    group.create_task(self._alarms.run())
        finally:
            await self._probes.close()

    async def _note_the_stop(self) -> None:
        # In a task of its own, which ends at once when cancelled: the other tasks may still wait for answers.
        try:
            await asyncio.Event().wait()
        finally:
            self._board.stopping = True


class Probes:
    """Makes the checks of speech recognition and of the language model that suit the configured engines."""

    def __init__(self, settings: Settings, embedded: EmbeddedEngines) -> None:
        self._settings = settings
        self._embedded = embedded
        self._open = AsyncExitStack()
        self._embedded_probe: EndpointProbe | None = None

    def speech_check(self) -> Check:
        """Return the check of speech recognition. The speakers of what it hears are always told apart here."""
        endpoint = speech_endpoint(self._settings)
        if endpoint is not None:
            check = self._of(Purpose.SPEECH, endpoint)
        else:
            check = local_check(self._has(str(needed_weights(self._settings)), self._settings.asr_model_dir))
        return needing(self._has(VOICE_ENCODER), check)

    def language_check(self) -> Check:
        """Return the check of the language model; the embedded one is asked as an endpoint is, once it runs."""
        if self._settings.llm_engine is LlmEngine.NONE:
            return off
        endpoint = language_endpoint(self._settings)
        if endpoint is not None:
            return self._of(Purpose.LANGUAGE, endpoint)
        local = local_check(
            self._has(EMBEDDED_MODEL, self._settings.llm_model_file), lambda: "llm" in self._embedded.down
        )
        return endpoint_check(RealCalls(Purpose.LANGUAGE), self._of_embedded, local)

    async def close(self) -> None:
        """Close the probes."""
        await self._open.aclose()

    def _has(self, weights: str, own: Path | None = None) -> Callable[[], Awaitable[bool]]:
        """Return what tells whether weights are there; ``own`` is where the operator has others in their place."""
        models = self._settings.persistent_dir / "models"
        return partial(asyncio.to_thread, partial(are_there, weights, models) if own is None else own.exists)

    def _of(self, purpose: Purpose, endpoint: Endpoint) -> Check:
        probe = self._opened(endpoint.base_url, endpoint.api_key, endpoint.provider)
        return endpoint_check(RealCalls(purpose), lambda: probe, off)

    def _of_embedded(self) -> EndpointProbe | None:
        if "llm" in self._embedded.down:
            return None
        server = self._embedded.running_llm
        if server is not None and self._embedded_probe is None:
            # The server keeps its address when it dies and is started again.
            self._embedded_probe = self._opened(server.base_url, server.api_key or "", "embedded")
        return self._embedded_probe

    def _opened(self, base_url: str, api_key: str, provider: str) -> EndpointProbe:
        probe = EndpointProbe(base_url, api_key, provider)
        self._open.push_async_callback(probe.close)
        return probe
