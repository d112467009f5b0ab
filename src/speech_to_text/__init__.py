"""The speech-to-text port and its adapters."""
