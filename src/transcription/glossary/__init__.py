"""The glossary: names and terms, of the team and of each person, that recognition should spell right."""
