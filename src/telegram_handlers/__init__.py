"""Handlers of the bot: each parses an update, calls one service and renders a screen."""
