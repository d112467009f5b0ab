"""A report folder as it lies on the disk: the index, its journal, and the lines that both consist of."""
