"""Where HTTP is served unless the settings say otherwise."""

DEFAULT_PORT = 8690
