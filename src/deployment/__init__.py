"""What operators do with an installation: its first start, its backups and their restoring."""
