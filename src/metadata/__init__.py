"""Metadata of a recording: parsed from people's text, proposed from the transcript, shown field by field."""
