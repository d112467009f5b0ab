"""PDF documents: what they consist of, and how it is laid out on pages."""
