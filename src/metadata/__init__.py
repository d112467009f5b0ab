"""Metadata of a recording: parsed from what people write, proposed from what was said, shown field by field."""
