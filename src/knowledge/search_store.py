"""What a search reads of the database: what the metadata have, which sources fit, which chunks have a rare word."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from datamodels import BuildingType, RecordingId, ReportId, ScenarioId, UserId, Value
from datamodels_search import Corpus, Facets, Narrowing
from db import Connection
from knowledge.lemmas import lemmas
from knowledge.named import Known
from knowledge.values import ChunkId, DocumentId, ModelId, SourceId
from transcripts_store import FoundSegment

_REACH_S = 60.0
"""Seconds before and after a chunk whose segments may belong to a passage of it."""

# Who sees a recording is asked from the recording itself, so that a change of it counts at once.
_VISIBLE = """
    visible AS MATERIALIZED (
        SELECT
            sources.id, sources.corpus, sources.recording_id, sources.place, sources.city, sources.employee,
            sources.client, sources.building, sources.day, recordings.number, recordings.scenario, audio_number,
            coalesce(recordings.owner_id, documents.owner_id) AS owner_id
        FROM chunk_sources AS sources
        LEFT JOIN recordings ON recordings.id = sources.recording_id
        LEFT JOIN recording_metadata ON recording_metadata.recording_id = sources.recording_id
        LEFT JOIN documents ON documents.id = document_id
        WHERE recordings.visibility = 'team' OR recordings.owner_id = %(asker)s
            OR recordings.id IN (SELECT recording_id FROM recording_shares WHERE person_id = %(asker)s)
            OR documents.visibility = 'team' OR documents.owner_id = %(asker)s
    )
"""
_SELECT_KNOWN = f"""
    WITH {_VISIBLE}
    SELECT
        ARRAY(SELECT id FROM visible) AS sources,
        ARRAY(SELECT DISTINCT place FROM visible WHERE place IS NOT NULL ORDER BY place) AS places,
        ARRAY(SELECT DISTINCT city FROM visible WHERE city IS NOT NULL ORDER BY city) AS cities,
        ARRAY(SELECT DISTINCT employee FROM visible WHERE employee IS NOT NULL ORDER BY employee) AS employees,
        ARRAY(SELECT DISTINCT client FROM visible WHERE client IS NOT NULL ORDER BY client) AS clients
"""
_MOST_VALUES = 8
_SELECT_FACETS = f"""
    WITH {_VISIBLE}, of_recordings AS (SELECT DISTINCT recording_id, place, city, day FROM visible)
    SELECT
        ARRAY(
            SELECT place FROM of_recordings WHERE place IS NOT NULL
            GROUP BY place ORDER BY count(*) DESC, place LIMIT {_MOST_VALUES}
        ) AS places,
        ARRAY(
            SELECT city FROM of_recordings WHERE city IS NOT NULL
            GROUP BY city ORDER BY count(*) DESC, city LIMIT {_MOST_VALUES}
        ) AS cities,
        ARRAY(
            SELECT DISTINCT date_trunc('month', day)::date AS month FROM of_recordings WHERE day IS NOT NULL
            ORDER BY month DESC LIMIT {_MOST_VALUES}
        ) AS months
"""
# Only audits name their city: a place is where an audit of it says. A document has no metadata, and fits when it speaks
# of the place.
_SELECT_FITTING = f"""
    WITH {_VISIBLE},
    towns AS (SELECT DISTINCT place, building FROM visible WHERE city = ANY(%(cities)s)),
    fitting AS (
        SELECT
            id, corpus,
            coalesce(place = ANY(%(places)s), false)::integer
                + (city = ANY(%(cities)s) IS TRUE
                    OR city IS NULL AND (place, building) IN (SELECT place, building FROM towns))::integer
                + (employee = ANY(%(people)s) IS TRUE OR client = ANY(%(people)s) IS TRUE)::integer
                + coalesce(building = ANY(%(buildings)s), false)::integer
                + EXISTS (
                    SELECT FROM unnest(%(days)s::integer[], %(months)s::integer[], %(years)s::integer[])
                        AS named (day, month, year)
                    WHERE extract(day FROM visible.day) = coalesce(named.day, extract(day FROM visible.day))
                        AND extract(month FROM visible.day) = coalesce(named.month, extract(month FROM visible.day))
                        AND extract(year FROM visible.day) = coalesce(named.year, extract(year FROM visible.day))
                )::integer AS fields
        FROM visible
        WHERE (
                cardinality(%(numbers)s::integer[]) = 0 OR number = ANY(%(numbers)s) OR audio_number = ANY(%(numbers)s)
            )
            AND (cardinality(%(corpora)s::text[]) = 0 OR corpus = ANY(%(corpora)s))
            AND (%(scenario)s::text IS NULL OR corpus = 'document' OR scenario = %(scenario)s)
            AND (NOT %(mine)s OR owner_id = %(asker)s)
    )
    SELECT id, fields FROM fitting
    WHERE fields = (SELECT max(fields) FROM fitting)
        OR corpus = 'document' AND EXISTS (
            SELECT FROM chunks, unnest(%(place_lemmas)s::text[]) AS named (words)
            WHERE source_id = fitting.id AND chunks.lemmas @> string_to_array(named.words, ' ')
        )
"""
# The statistics that the database keeps anyway tell which words are common: these need not be counted.
_SELECT_COMMON = """
    SELECT
        most_common_elems::text::text[] AS lemmas, most_common_elem_freqs AS shares,
        (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'chunks'::regclass) AS chunks
    FROM pg_stats
    WHERE schemaname = current_schema() AND tablename = 'chunks' AND attname = 'lemmas'
"""
_COUNT_CHUNKS = "SELECT count(*) AS chunks FROM chunks"
_SELECT_WITH_LEMMA = """
    SELECT lemma, found.id, found.source_id
    FROM unnest(%(lemmas)s::text[]) AS wanted (lemma)
    CROSS JOIN LATERAL (SELECT id, source_id FROM chunks WHERE chunks.lemmas @> ARRAY[lemma]) AS found
"""
_SELECT_CANDIDATES = """
    SELECT
        chunks.id, source_id, corpus, sources.recording_id, recordings.number, recordings.scenario, report, day,
        document_id, documents.name AS document, position, start_s AS start, end_s AS end, context, chunks.text,
        CASE WHEN recordings.owner_id <> %(asker)s THEN owners.name END AS owner,
        ARRAY(SELECT unnest(lemmas) INTERSECT SELECT unnest(%(lemmas)s::text[])) AS lemmas
    FROM chunks
    JOIN chunk_sources AS sources ON sources.id = source_id
    LEFT JOIN recordings ON recordings.id = sources.recording_id
    LEFT JOIN users AS owners ON owners.id = recordings.owner_id
    LEFT JOIN documents ON documents.id = document_id
    WHERE chunks.id = ANY(%(ids)s)
"""
_SELECT_SEGMENTS = """
    SELECT DISTINCT
        segments.recording_id, segments.position, start_s AS start, end_s AS end, speaker, role, segments.text,
        names ->> speaker AS name
    FROM unnest(%(recordings)s::uuid[], %(starts)s::double precision[], %(ends)s::double precision[])
        AS wanted (recording_id, first, last)
    JOIN transcript_segments AS segments
        ON segments.recording_id = wanted.recording_id
            AND end_s > wanted.first - %(reach)s AND start_s < wanted.last + %(reach)s
    JOIN transcripts ON transcripts.recording_id = segments.recording_id
    ORDER BY segments.recording_id, segments.position
"""
_SELECT_PENDING = """
    SELECT DISTINCT recording_id FROM chunk_sources
    JOIN recordings ON recordings.id = recording_id
    WHERE owner_id = %(owner)s AND (
        changed_at IS NOT NULL
        OR EXISTS (
            SELECT FROM chunks JOIN chunk_vectors ON chunk_id = chunks.id
            WHERE source_id = chunk_sources.id AND model_id = %(model)s
                AND (version IS NULL OR version > %(version)s)
        )
    )
"""


class Archive(Value):
    """What a person may find: the sources, and what their metadata have."""

    sources: tuple[SourceId, ...] = ()
    known: Known = Known()


class Common(Value):
    """How many chunks there are, and the shares of them that the commonest lemmas are in."""

    chunks: int
    shares: Mapping[str, float]


class Candidate(Value):
    """A chunk that may answer a question; ``lemmas`` are those of the question that it has.

    ``number``, ``scenario`` and ``day`` are those of its recording, None for a document, which has a name instead.
    ``owner`` is the name of whose recording it is, None for the asker's own.
    """

    id: ChunkId
    source_id: SourceId
    corpus: Corpus
    recording_id: RecordingId | None
    number: int | None
    scenario: ScenarioId | None
    report: ReportId | None
    day: date | None
    document_id: DocumentId | None
    document: str | None
    position: int
    start: float | None
    end: float | None
    context: str
    text: str
    lemmas: frozenset[str]
    owner: str | None = None


async def load_archive(connection: Connection, asker: UserId) -> Archive:
    """Load what ``asker`` may find: what is the team's, and the asker's own private recordings and documents."""
    row = await (await connection.execute(_SELECT_KNOWN, {"asker": asker})).fetchone()
    if row is None:
        return Archive()
    people = tuple(dict.fromkeys([*row["employees"], *row["clients"]]))
    known = Known(places=tuple(row["places"]), cities=tuple(row["cities"]), people=people)
    return Archive(sources=tuple(row["sources"]), known=known)


async def load_facets(connection: Connection, asker: UserId) -> Facets:
    """Load what there is most of in what ``asker`` may find, and its latest months."""
    row = await (await connection.execute(_SELECT_FACETS, {"asker": asker})).fetchone()
    if row is None:
        return Facets()
    months = tuple((each.year, each.month) for each in row["months"])
    return Facets(places=tuple(row["places"]), cities=tuple(row["cities"]), months=months)


async def fitting_sources(connection: Connection, asker: UserId, narrowing: Narrowing) -> tuple[list[SourceId], bool]:
    """Return those of the sources that ``asker`` may find which fit the most of what a question names.

    Also tell whether none of them fits all of it. None is found when the question names the number of a recording, and
    none has it, or when the filters of the chat leave none.
    """
    named, chat = narrowing.named, narrowing.chat
    parameters: dict[str, Any] = {
        "asker": asker,
        "places": list(named.places),
        "place_lemmas": [" ".join(lemmas(place)) for place in named.places],
        "cities": list(named.cities),
        "people": list(named.people),
        "buildings": [BuildingType(each).value for each in named.buildings],
        "numbers": list(named.numbers),
        "days": [each.day for each in named.when],
        "months": [each.month for each in named.when],
        "years": [each.year for each in named.when],
        "corpora": [each.value for each in chat.corpora],
        "scenario": chat.scenario,
        "mine": chat.mine,
    }
    rows = [row async for row in await connection.execute(_SELECT_FITTING, parameters)]
    wanted = sum(map(bool, (named.places, named.cities, named.people, named.buildings, named.when)))
    return [row["id"] for row in rows], bool(rows) and max(row["fields"] for row in rows) < wanted


async def load_common(connection: Connection) -> Common:
    """Load how common the commonest lemmas are; nothing is known of a small or new archive's."""
    row = await (await connection.execute(_SELECT_COMMON)).fetchone()
    if row is not None and row["chunks"]:
        shares = row["shares"] or []  # the shares are followed by three figures about all of them
        return Common(chunks=row["chunks"], shares=dict(zip(row["lemmas"] or [], shares, strict=False)))
    counted = await (await connection.execute(_COUNT_CHUNKS)).fetchone()
    return Common(chunks=0 if counted is None else counted["chunks"], shares={})


async def chunks_with(connection: Connection, wanted: Collection[str]) -> list[tuple[str, ChunkId, SourceId]]:
    """Return the chunks, with their sources, that have each of the lemmas, which are to be rare ones."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SELECT_WITH_LEMMA, {"lemmas": list(wanted)})
        return [(row["lemma"], row["id"], row["source_id"]) async for row in cursor]


async def load_candidates(
    connection: Connection, asker: UserId, chunks: Collection[ChunkId], wanted: Collection[str]
) -> list[Candidate]:
    """Load those of the chunks that are still there, each with those lemmas of ``wanted`` that it has."""
    cursor = await connection.execute(_SELECT_CANDIDATES, {"asker": asker, "ids": list(chunks), "lemmas": list(wanted)})
    return [Candidate.model_validate(row) async for row in cursor]


async def load_segments(connection: Connection, chunks: Sequence[Candidate]) -> list[FoundSegment]:
    """Load the segments of the transcripts around the chunks, by recording and position, each once."""
    parameters = {
        "recordings": [each.recording_id for each in chunks],
        "starts": [each.start for each in chunks],
        "ends": [each.end for each in chunks],
        "reach": _REACH_S,
    }
    cursor = await connection.execute(_SELECT_SEGMENTS, parameters)
    return [FoundSegment.model_validate(row) async for row in cursor]


async def pending_recordings(
    connection: Connection, owner: UserId, model: ModelId, version: int
) -> frozenset[RecordingId]:
    """Return the owner's recordings of which something is not in an index by the model up to ``version``."""
    parameters = {"owner": owner, "model": model, "version": version}
    cursor = await connection.execute(_SELECT_PENDING, parameters)
    return frozenset([row["recording_id"] async for row in cursor])
