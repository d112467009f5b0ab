"""Calls to providers: one policy of time limits, retries and concurrency."""
