"""Runs programs for a deploy, and keeps what they say in its log."""

import errno
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from io import RawIOBase
from pathlib import Path

import texts.deploy
from errors_of_operation import CommandFailed, DeploymentStopped

_LONGEST_REASON = 400
_NO_SPACE = ("no space left on device", "disk quota exceeded")
_NO_SPACE_ERRORS = (errno.ENOSPC, errno.EDQUOT)
_PACKAGES = {"docker": "https://docs.docker.com/engine/install/", "git": "apt-get install git"}


def last_line(said: str) -> str:
    """Return the last line that has something in it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:_LONGEST_REASON].rstrip(".") if lines else ""


def is_for_want_of_space(exc: BaseException) -> bool:
    """Tell whether a program, or this one, has failed because a disk is full."""
    if isinstance(exc, CommandFailed):
        return any(words in exc.said.lower() for words in _NO_SPACE)
    return isinstance(exc, OSError) and exc.errno in _NO_SPACE_ERRORS


class Commands:
    """Runs programs in the checkout ``root`` and notes in ``log`` what they say, unless that may hold a secret.

    Programs inherit ``held``, the descriptors of a lock: it is not free before the last of them has ended.
    """

    def __init__(
        self, root: Path, environment: Mapping[str, str], log: RawIOBase | None = None, held: tuple[int, ...] = ()
    ) -> None:
        self.root = root
        self._environment = dict(environment)
        self._log = log
        self._held = held
        self._is_shielded = False

    def shield(self) -> None:
        """From here on nobody's Ctrl+C ends this process or what it runs: the way back has to be gone to its end."""
        self._is_shielded = True
        with suppress(ValueError):  # of a thread, which gets no signals
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, signal.SIG_IGN)

    def run(
        self,
        *arguments: str | Path,
        limit_s: float = 120,
        also: Mapping[str, str] | None = None,
        given: str | None = None,
        secret: bool = False,
    ) -> str:
        """Return what a program writes to standard output.

        ``also`` is added to its environment, ``given`` is its input.

        Raises:
            CommandFailed: it ended with another status than 0.
            DeploymentStopped: it is not installed, or took longer than ``limit_s``.
        """
        command = [str(each) for each in arguments]
        self._note(f"$ {' '.join(command)}\n")
        if shutil.which(command[0], path=self._environment.get("PATH")) is None:
            name = Path(command[0]).name
            raise DeploymentStopped(why=texts.deploy.NO_PROGRAM.format(program=name, package=_PACKAGES.get(name, name)))
        try:
            done = subprocess.run(  # noqa: S603  # no shell, and the arguments are ours
                command,
                cwd=self.root,
                env={**self._environment, **(also or {})},
                input=given or "",
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=limit_s,
                check=False,
                pass_fds=self._held,
                # In a session of their own, for a terminal sends its Ctrl+C to all of ours.
                start_new_session=self._is_shielded,
            )
        except subprocess.TimeoutExpired:
            told = texts.deploy.TIMEOUT.format(command=" ".join(command[:3]), seconds=round(limit_s))
            raise DeploymentStopped(why=f"{told[0].upper()}{told[1:]}.") from None
        if not secret:
            self._note(done.stdout + done.stderr)
        if done.returncode:
            said = done.stdout + done.stderr
            reason = last_line(said) or f"status {done.returncode}"
            failed = CommandFailed(status=done.returncode, reason=reason, said=said)
            if is_for_want_of_space(failed):
                # What programs say of it names their own files, and nothing that helps.
                failed = CommandFailed(status=done.returncode, reason=texts.deploy.NO_SPACE, said=said)
            raise failed
        return done.stdout

    def _note(self, text: str) -> None:
        if self._log is not None:
            # On a full disk lines are lost, and nothing else: the way back needs no space.
            with suppress(OSError):
                self._log.write(text.encode())
