"""What a person has, as files to take along: a REFI-QDA project, and an archive of everything."""
