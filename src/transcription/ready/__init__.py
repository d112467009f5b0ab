"""Ready transcripts: files that have what was said already, so that nothing has to be recognised."""
