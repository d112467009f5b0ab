"""A PDF document as a file."""

from collections.abc import Iterable

from pdf.blocks import Block


def to_bytes(title: str, blocks: Iterable[Block]) -> bytes:
    """Return the document with its title above the blocks. Takes CPU time: use a thread."""
    # Loaded when somebody wants a PDF.
    from pdf.layout import laid_out  # noqa: PLC0415

    return laid_out(title, blocks)
