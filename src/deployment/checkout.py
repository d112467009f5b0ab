"""The checkout that is deployed from: what stands in it, and moving it to another commit."""

import texts.deploy
from deployment.commands import Commands
from errors_of_operation import CommandFailed, DeploymentStopped

_FETCH_S = 300
_SHOWN_FILES = 5
_LONGEST_REASON = 400


class Checkout:
    """A clone of the repository, on a branch that follows a remote one."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def _git(self, *arguments: str, limit_s: float = 60) -> str:
        # Never asks for a password: nobody may be there to type it.
        quiet = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
        return self._commands.run("git", "-c", "core.quotepath=off", *arguments, limit_s=limit_s, also=quiet).rstrip()

    def head(self) -> str:
        """Return the commit that is checked out.

        Raises:
            DeploymentStopped: this is no checkout, or git does not trust its owner.
        """
        try:
            return self._git("rev-parse", "HEAD")
        except CommandFailed as exc:
            raise DeploymentStopped(why=texts.deploy.NO_REPOSITORY.format(reason=exc.reason)) from exc

    def require_clean(self, *, was_moving: bool = False) -> None:
        """Refuse a checkout in which files that git knows were changed.

        When it ``was_moving`` as a deploy was killed, nobody is blamed for what differs.

        Raises:
            DeploymentStopped: the first five of them are named.
        """
        changed = [line[3:] for line in self._git("status", "--porcelain", "--untracked-files=no").splitlines()]
        if changed:
            shown = ", ".join(changed[:_SHOWN_FILES]) + (", …" if len(changed) > _SHOWN_FILES else "")
            told = texts.deploy.HALF_MOVED if was_moving else texts.deploy.LOCAL_CHANGES
            raise DeploymentStopped(why=told.format(files=shown))

    def fetch(self) -> str:
        """Fetch and return the commit that the remote branch has; the files stay as they are.

        Raises:
            DeploymentStopped: there is no remote branch, it is out of reach, or this branch has commits of its own.
        """
        try:
            self._git("rev-parse", "--abbrev-ref", "@{upstream}")
        except CommandFailed as exc:
            raise DeploymentStopped(why=texts.deploy.NO_BRANCH.format(reason=exc.reason)) from exc
        try:
            self._git("fetch", "--quiet", limit_s=_FETCH_S)
        except CommandFailed as exc:
            raise DeploymentStopped(why=texts.deploy.FETCH_FAILED.format(reason=exc.reason)) from exc
        own = self._git("rev-list", "--count", "@{upstream}..HEAD")
        if own != "0":
            raise DeploymentStopped(why=texts.deploy.DIVERGED.format(count=own))
        return self._git("rev-parse", "@{upstream}")

    def forward_to(self, commit: str) -> None:
        """Move the branch and the files forward to ``commit``, which was fetched; not to what has come there since.

        Raises:
            DeploymentStopped: a file that git does not know is in the way, or the lock of a git that was killed.
        """
        try:
            self._git("merge", "--quiet", "--ff-only", commit, limit_s=_FETCH_S)
        except CommandFailed as exc:
            # The last line of git tells what to do with files that the lines before name.
            reason = " ".join(exc.said.split())[:_LONGEST_REASON].rstrip(".")
            raise DeploymentStopped(why=texts.deploy.PULL_FAILED.format(reason=reason)) from exc

    def go_to(self, commit: str) -> None:
        """Move the branch and the files to ``commit``; what people have changed stays.

        Raises:
            CommandFailed: there is no such commit, or the move would overwrite a change.
        """
        if self.head() != commit:
            self._git("reset", "--quiet", "--keep", commit)
