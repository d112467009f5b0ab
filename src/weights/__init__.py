"""Model weights: fetched once, verified by their published sha256, kept on disk."""
