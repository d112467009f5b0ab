"""What ``doctor`` saw of a language model, and what it costs to leave it so, in sentences."""

from typing import TYPE_CHECKING

import texts.language_model as said

if TYPE_CHECKING:
    from language_model.examination import Examination

_FEW_CALLS = 15
"""As many questions as the five reports on an hour take at most when they need not be read in parts."""


def seen(found: "Examination") -> str:
    """Return the sentences, one a line."""
    known, context = found.known, said.number(found.context_tokens)
    notes = [(said.ASSUMED if found.is_assumed else said.CONTEXT).format(context=context)]
    calls = found.calls_for_an_hour
    notes.append(said.TOO_SMALL if calls is None else said.CALLS.format(calls=calls))
    if found.server_tokens and found.server_tokens < found.context_tokens:
        notes.append(said.CUTS.format(server=said.number(found.server_tokens)))
    elif found.cuts and (calls is None or calls > _FEW_CALLS):
        notes.append(said.ENLARGE)
    notes.append(said.SCHEMA_IN_PROMPT if known.asks_in_prompt else said.SCHEMA_KEPT)
    if known.thinks:
        notes.append(said.THINKS.format(tokens=said.number(found.thinking_tokens)))
    if not known.system_role:
        notes.append(said.WITHOUT_SYSTEM_ROLE)
    if not known.streams:
        notes.append(said.WITHOUT_STREAMS)
    if known.most_output_tokens:
        notes.append(said.SHORT_ANSWERS.format(tokens=said.number(known.most_output_tokens)))
    return said.listed(notes)
