"""Every limit that is not a setting, with its source."""

# --- recordings (product definition) -----------------------------------------------------------------------------
RECORDING_EXTENSIONS = frozenset(
    ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "opus", "wav", "webm", "mov", "mkv"],
)
MIN_RECORDING_S = 0.5
"""Below half a second no engine returns a word."""

SAMPLE_RATE = 16_000
"""Samples a second of the prepared audio: what Whisper, silero and GE2E were trained on."""

# --- OpenAI audio endpoint, https://platform.openai.com/docs/guides/speech-to-text -------------------------------
ENDPOINT_AUDIO_BYTES = 25 * 1024 * 1024
ENDPOINT_AUDIO_S = 1400.0
OPUS_BITRATE = 28_000
"""Bits a second, mono: two hours are 20 MB and the recognised text stays the same (measured)."""

# --- providers (architecture) ------------------------------------------------------------------------------------
PROVIDER_TRIES = 3
