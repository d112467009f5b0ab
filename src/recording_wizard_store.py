"""Rows of ``recording_wizards``: the step of each recording's wizard."""

from psycopg.rows import DictRow

from constants import NO_SCENARIO
from datamodels import RecordingId, ScenarioId, UserId, Value
from datamodels_telegram import ChatId, RecordingWizard, WizardStep
from db import Connection
from errors import NotFound

_COLUMNS = "recording_id, owner_id, chat_id, step, round"

_START = """
    INSERT INTO recording_wizards (recording_id, owner_id, chat_id, step)
    VALUES (%(recording_id)s, %(owner_id)s, %(chat_id)s, %(step)s)
    ON CONFLICT (recording_id) DO NOTHING
"""
_RESTART = """
    INSERT INTO recording_wizards (recording_id, owner_id, chat_id, step)
    VALUES (%(recording_id)s, %(owner_id)s, %(chat_id)s, %(step)s)
    ON CONFLICT (recording_id) DO UPDATE SET
        chat_id = EXCLUDED.chat_id, step = EXCLUDED.step, round = recording_wizards.round + 1, asides = 0,
        updated_at = now()
"""
_SELECT_OWNED = f"""
    SELECT {_COLUMNS} FROM recording_wizards
    WHERE owner_id = %(owner_id)s AND recording_id = %(recording_id)s
"""
_MOVE = """
    UPDATE recording_wizards SET
        step = %(after)s, asides = CASE WHEN %(after)s = 'proposal' THEN 0 ELSE asides END, updated_at = now()
    WHERE recording_id = %(recording_id)s AND step = %(before)s AND round = %(round)s
    RETURNING recording_id
"""
_PUT_ASIDE = """
    UPDATE recording_wizards SET
        step = 'proposal', asides = least(asides + %(counted)s::boolean::integer, 2), updated_at = now()
    WHERE recording_id = %(recording_id)s AND owner_id = %(owner_id)s AND step = 'confirmation'
"""
# A recording whose roles failed is as ready for questions as one whose roles are known. The newest of the files that
# became this recording tells whether the person has chosen a scenario. Nothing is asked while another dialog is open,
# or while the person is left in peace; what can be proposed meanwhile is, for those who open the form themselves. A
# form that was put aside comes back once, to a person who does nothing else.
# Wizards whose recording failed for good wait for a transcript for ever: an index tells these recordings at once.
# OFFSET 0 and the subquery that counts keep the planner from reading all recordings and all states: it does not know
# how few wizards wait.
_READY = """
    SELECT
        wizards.recording_id, wizards.owner_id, wizards.chat_id, wizards.step,
        wizards.round,
        recordings.scenario <> %(no_scenario)s OR incoming.id IS NULL OR incoming.scenario IS NOT NULL
            AS scenario_known,
        metadata.proposed_at IS NOT NULL AS proposed, asking.allowed AND (asides = 0 OR asking.quiet) AS may_ask
    FROM recording_wizards AS wizards
    CROSS JOIN LATERAL (
        SELECT id, scenario, stage, error_code, retry_at FROM recordings WHERE id = wizards.recording_id OFFSET 0
    ) AS recordings
    LEFT JOIN recording_metadata AS metadata ON metadata.recording_id = recordings.id
    LEFT JOIN LATERAL (
        SELECT id, scenario FROM incoming_files WHERE recording_id = recordings.id ORDER BY id DESC LIMIT 1
    ) AS incoming ON true
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE key <> 'active') = 0 AS allowed, count(*) = 0 AS quiet FROM user_states
        WHERE user_id = wizards.owner_id AND key IN ('dialog', 'questions_aside', 'active')
            AND coalesce(expires_at > now(), true)
    ) AS asking
    WHERE step IN ('transcript', 'proposal') AND asides < 2 AND (
        step = 'proposal' OR wizards.recording_id NOT IN (
            SELECT id FROM recordings WHERE error_code IS NOT NULL AND retry_at IS NULL
        )
    ) AND (
        (step = 'transcript' AND stage = 'done' AND recordings.error_code IS NULL)
        OR (
            step = 'proposal'
            AND ((stage = 'done' AND recordings.error_code IS NULL)
                OR (recordings.error_code IS NOT NULL AND recordings.retry_at IS NULL))
            AND ((asking.allowed AND (asides = 0 OR asking.quiet)) OR metadata.proposed_at IS NULL)
        )
    )
"""
_SELECT_WAITING = """
    SELECT
        wizards.recording_id, recordings.number, recordings.file_name, recordings.scenario, wizards.step
    FROM recording_wizards AS wizards
    JOIN recordings ON recordings.id = wizards.recording_id
    WHERE wizards.owner_id = %(owner_id)s AND step IN ('scenario', 'proposal', 'confirmation', 'reports')
        AND ((stage = 'done' AND error_code IS NULL) OR (error_code IS NOT NULL AND retry_at IS NULL))
    ORDER BY recordings.number LIMIT 100
"""
_SELECT_READY = f"{_READY} ORDER BY wizards.updated_at, wizards.recording_id"
_LOCK_READY = f"{_READY} AND wizards.recording_id = %(recording_id)s FOR UPDATE OF wizards"


class ReadyWizard(Value):
    """A wizard that can move on from its step.

    ``scenario_known`` tells that the person need not be asked for the scenario, ``proposed`` that the proposal of
    metadata has ended, ``may_ask`` that no other dialog is open and the person is not left in peace.
    """

    wizard: RecordingWizard
    scenario_known: bool
    proposed: bool
    may_ask: bool


class WaitingWizard(Value):
    """A wizard at a step that needs its person."""

    recording_id: RecordingId
    number: int
    file_name: str
    scenario: ScenarioId
    step: WizardStep


async def start(connection: Connection, owner: UserId, chat: ChatId, recording_id: RecordingId) -> None:
    """Start the wizard of a recording at the step of the transcript; a wizard that exists stays as it is."""
    await connection.execute(_START, _beginning(owner, chat, recording_id))


async def restart(connection: Connection, owner: UserId, chat: ChatId, recording_id: RecordingId) -> None:
    """Start the wizard of a recording anew, in its next round; without a wizard, start the first round.

    So the transcript of a recording that is processed again is delivered again.
    """
    await connection.execute(_RESTART, _beginning(owner, chat, recording_id))


async def get(connection: Connection, owner: UserId, recording_id: RecordingId) -> RecordingWizard:
    """Load the wizard of a recording for its owner.

    Raises:
        NotFound: the recording has no wizard, or is someone else's.
    """
    parameters = {"owner_id": owner, "recording_id": recording_id}
    row = await (await connection.execute(_SELECT_OWNED, parameters)).fetchone()
    if row is None:
        raise NotFound(what=f"wizard of {recording_id}")
    return RecordingWizard.model_validate(row)


async def move(connection: Connection, wizard: RecordingWizard, step: WizardStep) -> bool:
    """Move the wizard from the step of ``wizard`` to ``step``; False when its step or round is another by now."""
    parameters = {
        "recording_id": wizard.recording_id,
        "before": wizard.step,
        "round": wizard.round,
        "after": step,
    }
    return await (await connection.execute(_MOVE, parameters)).fetchone() is not None


async def put_aside(connection: Connection, owner: UserId, recording_id: RecordingId, *, counted: bool) -> None:
    """Have a recording whose form is open wait; a form that was put aside and ``counted`` twice waits to be opened."""
    parameters = {"owner_id": owner, "recording_id": recording_id, "counted": counted}
    await connection.execute(_PUT_ASIDE, parameters)


async def waits_for_proposal(connection: Connection, recording_id: RecordingId) -> bool:
    """Tell whether nobody has opened the form of a recording yet; so it is of one without a wizard."""
    query = "SELECT FROM recording_wizards WHERE recording_id = %s AND step <> 'proposal'"
    return (await connection.execute(query, (recording_id,))).rowcount == 0


async def list_ready(connection: Connection) -> list[ReadyWizard]:
    """Load the wizards that can move on now; the one that has waited longest comes first."""
    return [_ready(row) async for row in await connection.execute(_SELECT_READY, {"no_scenario": NO_SCENARIO})]


async def list_waiting(connection: Connection, owner: UserId) -> list[WaitingWizard]:
    """Load the owner's wizards whose step needs the owner, the first hundred by the recordings' numbers.

    At the step of the proposal the owner may open the form, whether or not there is a proposal.
    """
    cursor = await connection.execute(_SELECT_WAITING, {"owner_id": owner})
    return [WaitingWizard.model_validate(row) async for row in cursor]


async def lock_ready(connection: Connection, wizard: RecordingWizard) -> ReadyWizard | None:
    """Load a wizard and lock it until the transaction ends.

    Return None when the wizard cannot move on any more, or its row is not as ``wizard`` says.
    """
    parameters = {"no_scenario": NO_SCENARIO, "recording_id": wizard.recording_id}
    row = await (await connection.execute(_LOCK_READY, parameters)).fetchone()
    ready = None if row is None else _ready(row)
    return None if ready is None or ready.wizard != wizard else ready


def _beginning(owner: UserId, chat: ChatId, recording_id: RecordingId) -> dict[str, object]:
    return {
        "recording_id": recording_id,
        "owner_id": owner,
        "chat_id": chat,
        "step": WizardStep.TRANSCRIPT,
    }


def _ready(row: DictRow) -> ReadyWizard:
    told = {name: row.pop(name) for name in ("scenario_known", "proposed", "may_ask")}
    return ReadyWizard(wizard=RecordingWizard.model_validate(row), **told)
