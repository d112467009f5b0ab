"""Screens of the bot: text and buttons made out of values. Nothing is looked up here."""
