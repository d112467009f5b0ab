"""Every limit that is not a setting, with its source."""

# --- recordings (product definition) -----------------------------------------------------------------------------
RECORDING_EXTENSIONS = frozenset(
    ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "opus", "wav", "webm", "mov", "mkv"],
)
LONGEST_SPOKEN_S = 60
LARGEST_SPOKEN_BYTES = 4 * 1024 * 1024
"""Voice notes that are shorter than the first, in seconds, and not larger than the second may be taken as text."""
SOUND_EXTENSIONS = RECORDING_EXTENSIONS | frozenset(
    [
        *("3g2", "3ga", "3gp", "3gpp", "aac", "ac3", "adts", "aif", "aifc", "aiff", "amr", "ape", "asf", "au", "avi"),
        *("awb", "caf", "dts", "eac3", "f4a", "f4v", "flv", "gsm", "m2ts", "m4b", "m4r", "m4v", "mj2", "mka", "mp2"),
        *("mp2v", "mpa", "mpg", "mpv", "mts", "mxf", "qt", "qta", "rf64", "rm", "ra", "rmvb", "snd", "spx", "tak"),
        *("tta", "ts", "vob", "voc", "w64", "wave", "weba", "wma", "wmv", "wv"),
    ]
)
"""What names of recordings may end with, beside anything that a file's type or bytes call sound. The help names those
of ``RECORDING_EXTENSIONS``, which people have most."""
UNTIMED_DEMUXERS = ("aac", "ac3", "amr", "amrnb", "amrwb", "dts", "eac3", "gsm", "mp3", "tta")
RECORDING_DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,gsm,matroska,mov,mp3,mpeg,mpegts,mpegvideo,mxf,"
    "ogg,rm,tak,tta,voc,w64,wav,wv"
)
"""FFmpeg's readers that may touch a file from outside. Playlists, concat scripts and the like stay out: they name other
files. Formats of ``UNTIMED_DEMUXERS`` are frames one after another: what libav takes for their times is wrong where the
rate changes."""
MOST_CHANNELS = 8
"""The most channels, of all tracks together, that are looked at one by one; more are mixed."""
TIME_IN_NAME = "%Y-%m-%d_%H-%M"
"""How names that are made up for voice notes and the like tell when they were sent."""
MIN_RECORDING_S = 0.5
"""Below half a second no engine returns a word."""

# --- documents (docs/decisions/0021-pypdf.md) -----------------------------------------------------------------------
DOCUMENT_EXTENSIONS = frozenset(["txt", "md", "docx", "pdf"])
TRANSCRIPT_EXTENSIONS = frozenset(["txt", "docx", "srt", "vtt", "json"])
"""Of files that may be ready transcripts. A ``.txt`` or ``.docx`` may as well be a document."""
READY_TRANSCRIPT = "ready-transcript"
"""In the place of the speech engine: nothing was recognised. ``resources/prices.yaml`` names it among what is free."""
RECORDED_MODEL = "recorded-answers"
"""In the place of a language model's name: its answers were recorded beforehand, for the demonstration."""
LARGEST_DOCUMENT_BYTES = 50 * 1024 * 1024
MOST_DOCUMENT_PAGES = 500

SAMPLE_RATE = 16_000
"""Samples a second of the prepared audio: the rate on which Whisper, silero and the networks of voices were trained."""

BACKGROUND_NICE = 10
"""Niceness of work on recordings. While the event loop is busy as well, this work gets a ninth of the loop's share of
the processor, see sched(7)."""

# --- OpenAI audio endpoint, https://platform.openai.com/docs/guides/speech-to-text -------------------------------
ENDPOINT_AUDIO_BYTES = 25 * 1024 * 1024
ENDPOINT_AUDIO_S = 1400.0
KEEP_TIME = f"{SAMPLE_RATE}:async=1:first_pts=0:min_hard_comp=0.5"
"""Options of libav's resampler: it fills leaps in time with silence. A recorder may send nothing in pauses; all later
times would shift without this."""
OPUS_BITRATE = 28_000
"""Bits a second, mono: two hours are 20 MB and the recognised text stays the same (measured)."""

# --- providers (architecture) ------------------------------------------------------------------------------------
PROVIDER_TRIES = 3
PROVIDER_DELAY_S = 1.0
"""Seconds before the second try; the delay doubles before each further try."""
PROVIDER_LONGEST_DELAY_S = 30.0
PROVIDER_LONGEST_RETRY_AFTER_S = 120.0
"""The longest wait before the next try, also when the provider asks for a longer one."""

# --- what a person can ask for (product definition) ----------------------------------------------------------------
MAX_SPEAKERS = 20
NO_SCENARIO = "none"
"""The scenario of recordings of which only the transcript is wanted."""
NO_RECORDING = 0
"""In the place of a recording's number: a report over many recordings."""
RESEARCH = "research"
"""In the place of a report's id: an answer from many transcripts, which no pack describes."""

# --- Telegram, https://core.telegram.org/api/config and https://core.telegram.org/bots/api -------------------------
CALLBACK_DATA_BYTES = 64
MESSAGE_UTF16_UNITS = 4096
MESSAGES_PER_SECOND = 25
"""For the whole bot; Telegram allows 30. An edit counts as a message."""
CHAT_MESSAGES_PER_MINUTE = 60
"""One a second on average to one chat; short bursts are let through."""
FILE_PART_BYTES = 1024 * 1024
"""Bytes that one request of a download asks for; offsets must be multiples of this number."""

# --- what people see (product definition) --------------------------------------------------------------------------
LONGEST_INLINE_TEXT = 1200
"""Characters of a report or transcript that is shown whole in a message."""
PREVIEW_CHARACTERS = 300
REPORT_LIST_BYTES = 10 * 1024 * 1024
"""The largest list of reports that is sent."""
REPORT_TITLE_CHARACTERS = 200
"""The longest title that a person gives, in characters: titles have to be told apart on a phone."""
REPORT_TRIES = 3
"""Tries for a number, a name or a period before the question is given up."""
MESSAGES_LOOKED_AT_AGAIN = 100
"""How many of the latest messages are looked at again after a restart.

Their rows of ``seen_updates`` are kept, since the rows say which of the messages were handled.
"""

PARAGRAPH_CHARACTERS = 600
PARAGRAPH_PAUSE_S = 3.0
"""What one person says is shown in pieces of that many characters. After a longer pause something else is talked of, or
it is later: a new piece tells the time."""
LONGEST_SPEAKER_NAME = 60
LONGEST_TURN_TEXT = 5000
"""Characters of a speaker's name, and of one segment of a transcript, that a person may type."""
LONGEST_TERM = 60
MOST_TERMS = 500
"""Characters of a term of the glossary, and terms of one person or of the team."""
