"""What all charts have in common: size, look, labels, PNG; and that one is drawn at a time, for matplotlib needs it.

Drawing takes CPU time: use a thread. matplotlib takes a second to import, hence only when something is drawn.
"""

import io
import threading
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Literal, ParamSpec

from text_cleaning import one_line, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

BLUE = "#3b78c2"
_SIZE_INCHES = (10.0, 5.5)
_DPI = 120
_LONGEST_LABEL = 40
_drawing = threading.Lock()


def one_at_a_time(draw: Callable[P, bytes]) -> Callable[P, bytes]:
    """Wrap a function that draws: calls from several threads wait for each other."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> bytes:
        with _drawing:
            return draw(*args, **kwargs)

    return drawn


def blank(size_inches: tuple[float, float] = _SIZE_INCHES) -> "Figure":
    """Return an empty figure. Not of pyplot, which keeps every figure and belongs to the main thread."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure(figsize=size_inches, dpi=_DPI, layout="constrained")


def plain_axes(axes: "Axes", title: str, grid: Literal["x", "y"] = "y") -> "Axes":
    """Give axes a title, a faint grid and no frame above and to the right; return them."""
    axes.set_title(title)
    axes.grid(axis=grid, alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def png(figure: "Figure") -> bytes:
    """Return the figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def label(text: str, longest: int = _LONGEST_LABEL) -> str:
    """Return any text as one short line that matplotlib shows as it is."""
    line = shortened(one_line(text), longest)
    # matplotlib takes what stands between two dollars for a formula, and hides a label that begins with «_».
    return ("\u200a" if line.startswith("_") else "") + line.replace("$", r"\$")
