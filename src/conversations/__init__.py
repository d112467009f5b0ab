"""Conversations: questions with their answers, which people rate and from which later answers learn."""
