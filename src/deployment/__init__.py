"""What operators do with an installation: its first start, deploys and rollbacks."""
