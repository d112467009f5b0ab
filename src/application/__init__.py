"""The application: every part built from the settings, opened and closed in the right order."""
