"""Text embeddings: the port, and the engines that implement it."""
