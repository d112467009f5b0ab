"""The language model port and its adapters."""
