"""The Telegram adapter: the only package that knows the client library."""
