"""The JSON interface under ``/api/v1``, of the same services as the pages."""
