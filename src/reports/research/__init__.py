"""Research: one question put to many transcripts, answered by a report that counts what it quotes."""
