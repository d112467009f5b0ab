"""Everything that people read, in Russian. Modules import these with ``import texts.<module>``."""
