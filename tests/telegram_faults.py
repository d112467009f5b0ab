"""What goes wrong between a bot and the loopback Telegram server, and when."""

import random
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    ERROR = auto()
    DROP_BEFORE = auto()
    DROP_AFTER = auto()
    LOSE_REPLY = auto()
    EXPIRE_FILE_REFERENCE = auto()
    SHORT_CHUNK = auto()


@dataclass
class Fault:
    """What happens to the calls named ``call``, after ``after`` of them were spared, ``times`` times."""

    kind: Kind
    call: str
    after: int = 0
    times: int = 1
    code: int = 0
    message: str = ""


class Faults:
    """Faults in the order in which they were added. A call meets at most one."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []
        self.met: list[tuple[str, Kind]] = []
        """Which calls met which fault."""

    def error(self, call: str, code: int, message: str, *, after: int = 0, times: int = 1) -> None:
        """Refuse calls, for example ``("messages.SendMessage", 400, "PEER_ID_INVALID")``."""
        self.pending.append(Fault(Kind.ERROR, call, after, times, code, message))

    def flood_wait(self, call: str, seconds: int, *, after: int = 0, times: int = 1) -> None:
        self.error(call, 420, f"FLOOD_WAIT_{seconds}", after=after, times=times)

    def drop_connection(self, call: str, *, processed: bool, after: int = 0, times: int = 1) -> None:
        """Cut the connection that a call came over.

        A call that was processed is answered over the next connection, any other is never answered.
        """
        self.pending.append(Fault(Kind.DROP_AFTER if processed else Kind.DROP_BEFORE, call, after, times))

    def lose_reply(self, call: str, *, after: int = 0, times: int = 1) -> None:
        """Do what is asked and never say so."""
        self.pending.append(Fault(Kind.LOSE_REPLY, call, after, times))

    def expire_file_reference(self, *, after: int = 0, times: int = 1) -> None:
        """Let the reference expire that a download uses, after so many chunks.

        The message, fetched again, carries a reference that works.
        """
        self.pending.append(Fault(Kind.EXPIRE_FILE_REFERENCE, "upload.GetFile", after, times))

    def short_chunk(self, *, after: int = 0, times: int = 1) -> None:
        """Answer with half of a chunk, which a client takes for the end of the file."""
        self.pending.append(Fault(Kind.SHORT_CHUNK, "upload.GetFile", after, times))

    def meet(self, call: str) -> Fault | None:
        """Return the fault that a call meets, if any, and count it."""
        for fault in self.pending:
            if fault.call != call:
                continue
            if fault.after:
                fault.after -= 1
                return None
            fault.times -= 1
            if not fault.times:
                self.pending.remove(fault)
            self.met.append((call, fault.kind))
            return fault
        return None


class Network:
    """How long requests take and how many get lost, by chance but the same in every run."""

    def __init__(self) -> None:
        self.delay_seconds = 0.0
        self.loss = 0.0
        self._random = random.Random(20170101)  # noqa: S311 - the same losses in every run

    def degrade(self, *, delay_seconds: float, loss: float) -> None:
        """Delay every request, and lose a share (0 to 1) of them."""
        self.delay_seconds = delay_seconds
        self.loss = loss

    def restore(self) -> None:
        self.degrade(delay_seconds=0.0, loss=0.0)

    def loses(self) -> bool:
        return self.loss > 0 and self._random.random() < self.loss
