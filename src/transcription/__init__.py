"""Speech to text of a whole recording: planned in parts, transcribed, joined into one transcript."""
