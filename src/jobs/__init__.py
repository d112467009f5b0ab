"""Durable jobs on PostgreSQL, and the steps that they run."""
