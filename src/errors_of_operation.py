"""Errors of an installation with several processes, of its deploys, backups, documents, of research, and of models::

    BadSettings
    ├── BotNotConfigured               token, id or hash is missing
    ├── BotRunsAlready                 two processes cannot share a session
    ├── FolderClosed                   the product may not write into one of its folders
    ├── OpenSettings                   other users of the machine may read ``.env``, and production mode is on
    ├── WorkerAlone                    nobody shares database and object store with a worker
    ├── ClosedModels                   weights cannot be read or fetched for want of rights
    ├── NeitherBotNorShared            no token is given, and nobody shares database and object store
    ├── BackupPasswordRefused          the file with the password is not there, or has another one
    └── NoVoice                        nothing here speaks
    BadInput
    ├── UnwritableFolder               results cannot be written there
    ├── RestoreRefused                 the place is not empty
    ├── StoreInUse                     a bucket elsewhere is not empty
    ├── DocumentUnknown                no kind of file that text is taken out of
    ├── DocumentBroken                 it cannot be read, or has a password
    ├── DocumentTooLarge
    ├── DocumentWithoutText            nothing, or pictures of pages
    ├── DocumentNotAllowed             somebody sent one who may load none
    ├── TranscriptBroken               a ready transcript cannot be read as what its name says
    ├── TranscriptWithoutWords         nobody says anything in it
    ├── TranscriptChanged              somebody corrected it meanwhile
    ├── TranscriptUnfinished           it can be corrected once it is there
    ├── NothingToResearch              no transcript that the person may see fits
    ├── ResearchGoesOn                 a person has one research at a time
    ├── SignInRefused                  the code of a link is unknown, used or too old
    ├── UploadOutOfStep                a piece of a file is not the one that comes next
    ├── TooManyUploads                 a person begins many files and ends none
    ├── SeveralFiles                   a form brings more than one file
    ├── HourUsedUp                     what may be done so many times an hour was
    ├── PhotoRefused                   no photograph to train on; the reason says why
    ├── AvatarRefused                  an avatar cannot be trained or painted with now; the reason is the whole sentence
    └── ErasureRefused                 a person cannot be erased so
    AccessDenied
    ├── SignInNeeded                   no session, or it has ended
    └── ForeignRequest                 a form of another site, or a page of ours from an ended session
    ObjectStoreUnavailable
    └── OriginalAwaited                trying again helps: the bot's process fetches the original
    VoxPersonaError
    ├── BackupFailed                   exit status 3: earlier sets are as they were
    │   ├── BackupUnavailable          the repository does not answer
    │   ├── BackupDamaged              exit status 1: bytes of a set are not those that were saved
    │   └── BackupNotFound             exit status 2
    ├── MigrationFailed                exit status 2: trying again does not help
    ├── DeploymentStopped              exit status 1: a deploy or rollback cannot go on
    ├── TooManyTries                   exit status 1; trying again helps, after a pause
    ├── LimitReached                   exit status 1; trying again helps once there is more, on a day that is told
    ├── VersionUnfit                   exit status 1: what runs has to give its place to another version
    └── CommandFailed                  exit status 1: git, Docker or another program says no
    ProviderError
    ├── ContextCut                     trying again helps: the context is known then
    ├── ImageOrderUncertain            nobody knows whether it was taken: a person decides
    └── ImageOrderFailed               the service says that it failed
    ProviderInvalidAnswer
    ├── OnlyThoughts                   trying again does not help
    └── NotBySchema                    trying again helps

They belong to the tree that ``errors`` draws.
"""

import texts.deploy
import texts.errors
import texts.web_errors
from errors import (
    AccessDenied,
    BadInput,
    BadSettings,
    ObjectStoreUnavailable,
    ProviderError,
    ProviderInvalidAnswer,
    VoxPersonaError,
)


class ClosedModels(BadSettings):
    """Weights in {path} cannot be read or written: {reason}"""

    user_text_template = texts.errors.CLOSED_MODELS


class BotNotConfigured(BadSettings):
    """The bot needs {names}."""

    user_text_template = texts.errors.BOT_NOT_CONFIGURED


class BotRunsAlready(BadSettings):
    """Another process runs the bot of {folder}."""

    user_text_template = texts.errors.BOT_RUNS_ALREADY


class FolderClosed(BadSettings):
    """The folder {folder} cannot be written to. {cure}"""

    user_text_template = texts.errors.FOLDER_CLOSED


class OpenSettings(BadSettings):
    """Other users of the machine may read .env in production mode."""

    user_text_template = texts.errors.OPEN_SETTINGS


class WorkerAlone(BadSettings):
    """No bot runs on this machine with the worker's folder {folder}, and these settings are missing: {names}"""

    user_text_template = texts.errors.WORKER_ALONE


class NeitherBotNorShared(BadSettings):
    """There is no token, and these settings of a worker are missing: {names}"""

    user_text_template = texts.errors.NEITHER_BOT_NOR_SHARED


class OriginalAwaited(ObjectStoreUnavailable):
    """The object store lost the original of {file_name}; the bot's process has to fetch it again."""

    user_text_template = texts.errors.ORIGINAL_AWAITED


class MigrationFailed(VoxPersonaError):
    """The migration {name} failed: {error}"""

    user_text_template = texts.errors.MIGRATION_FAILED
    exit_status = 2


class DeploymentStopped(VoxPersonaError):
    """A deploy or rollback cannot go on: {why}"""

    user_text_template = texts.deploy.STOPPED

    @property
    def why(self) -> str:
        """The sentences for the operator."""
        return str(self.details["why"])


class VersionUnfit(VoxPersonaError):
    """The version {what}"""

    user_text_template = texts.deploy.UNFIT

    @property
    def what(self) -> str:
        """The end of a Russian sentence about the version."""
        return str(self.details["what"])


class CommandFailed(VoxPersonaError):
    """A program ended with status {status}: {reason}"""

    user_text_template = texts.deploy.COMMAND_FAILED

    @property
    def said(self) -> str:
        """Everything that the program wrote."""
        return str(self.details["said"])

    @property
    def reason(self) -> str:
        """Its last line, cut to 400 characters, without a stop at its end."""
        return str(self.details["reason"])


class BackupPasswordRefused(BadSettings):
    """The password in {path} does not open the repository of backups."""

    user_text_template = texts.errors.BACKUPS_LOCKED


class BackupFailed(VoxPersonaError):
    """The backup was not made: {reason}"""

    user_text_template = texts.errors.BACKUP_FAILED
    exit_status = 3


class BackupUnavailable(BackupFailed):
    """The repository of backups cannot be used: {reason}"""

    user_text_template = texts.errors.BACKUP_UNAVAILABLE


class BackupDamaged(BackupFailed):
    """A set of backups is damaged: {reason}"""

    user_text_template = texts.errors.BACKUP_DAMAGED
    exit_status = 1


class BackupNotFound(BackupFailed):
    """There is no verified set {name}."""

    user_text_template = texts.errors.BACKUP_NOT_FOUND
    exit_status = 2


class UnwritableFolder(BadInput):
    """Results cannot be written to {path}: {reason}"""

    user_text_template = texts.errors.UNWRITABLE_FOLDER


class RestoreRefused(BadInput):
    """There is data already: {found}"""

    user_text_template = texts.errors.RESTORE_REFUSED


class StoreInUse(BadInput):
    """The bucket {bucket} at {endpoint} has objects already."""

    user_text_template = texts.errors.STORE_IN_USE


class DocumentUnknown(BadInput):
    """{file_name} is no document of a known kind."""

    user_text_template = texts.errors.DOCUMENT_UNKNOWN


class DocumentBroken(BadInput):
    """{file_name} cannot be read: {reason}"""

    user_text_template = texts.errors.DOCUMENT_BROKEN


class DocumentTooLarge(BadInput):
    """{file_name} is too large."""

    user_text_template = texts.errors.DOCUMENT_TOO_LARGE


class DocumentWithoutText(BadInput):
    """{file_name} has no text."""

    user_text_template = texts.errors.DOCUMENT_WITHOUT_TEXT


class DocumentNotAllowed(BadInput):
    """{file_name} is a document, and its sender may load none."""

    user_text_template = texts.errors.DOCUMENT_NOT_ALLOWED


class TranscriptBroken(BadInput):
    """The ready transcript {file_name} cannot be read: {reason}"""

    user_text_template = texts.errors.TRANSCRIPT_BROKEN


class TranscriptWithoutWords(BadInput):
    """Nothing is said in the ready transcript {file_name}."""

    user_text_template = texts.errors.TRANSCRIPT_WITHOUT_WORDS


class NothingToResearch(BadInput):
    """There is no transcript to research."""

    user_text_template = texts.errors.NOTHING_TO_RESEARCH


class ResearchGoesOn(BadInput):
    """Another research of the person has not ended."""

    user_text_template = texts.errors.RESEARCH_GOES_ON


class OnlyThoughts(ProviderInvalidAnswer):
    """The model {model} of {provider} spent all the tokens of its answer on thinking."""

    user_text_template = texts.errors.ONLY_THOUGHTS
    retryable = False


class NotBySchema(ProviderInvalidAnswer):
    """The model {model} of {provider} answered twice what its schema does not allow: {reason}"""

    user_text_template = texts.errors.NOT_BY_SCHEMA


class ContextCut(ProviderError):
    """The provider {provider} read only a part of a prompt: its context has {context_tokens} tokens."""

    user_text_template = texts.errors.CONTEXT_CUT
    retryable = True


class TranscriptChanged(BadInput):
    """The transcript of recording {number} is of version {version} by now."""

    user_text_template = texts.errors.TRANSCRIPT_CHANGED


class TranscriptUnfinished(BadInput):
    """The transcript of recording {number} is not there yet, or is being made anew."""

    user_text_template = texts.errors.TRANSCRIPT_UNFINISHED


class SignInRefused(BadInput):
    """The code is unknown, used or too old."""

    user_text_template = texts.web_errors.SIGN_IN_REFUSED


class UploadOutOfStep(BadInput):
    """The piece begins at {offset}, and {received} bytes are here."""

    user_text_template = texts.web_errors.UPLOAD_OUT_OF_STEP


class TooManyUploads(BadInput):
    """The person has {most} files that are not whole."""

    user_text_template = texts.web_errors.TOO_MANY_UPLOADS


class SeveralFiles(BadInput):
    """The form has more than one file."""

    user_text_template = texts.web_errors.SEVERAL_FILES


class NoVoice(BadSettings):
    """Nothing speaks here."""

    user_text_template = texts.errors.NO_VOICE


class HourUsedUp(BadInput):
    """The person may not {what} more than {most} times an hour; the next time is in {retry_after_s} s."""

    user_text_template = texts.errors.HOUR_USED_UP


class SignInNeeded(AccessDenied):
    """Nobody has signed in."""

    user_text_template = texts.web_errors.SIGN_IN_NEEDED


class ForeignRequest(AccessDenied):
    """The request does not come from a page of the person's own session."""

    user_text_template = texts.web_errors.FOREIGN_REQUEST


class TooManyTries(VoxPersonaError):
    """Too many tries failed; the next one is in {retry_after_s} s."""

    user_text_template = texts.web_errors.TOO_MANY_TRIES
    retryable = True


class LimitReached(VoxPersonaError):
    """A person's limit of {resource} is reached; there is more in {retry_after_s} s."""

    user_text_template = texts.errors.LIMIT_REACHED
    retryable = True

    @property
    def user_text(self) -> str:
        return f"{self.details.get('about', '')} {super().user_text}".lstrip()  # after what did not begin


class PhotoRefused(BadInput):
    """The photograph is refused: {reason}"""

    user_text_template = texts.errors.PHOTO_REFUSED


class AvatarRefused(BadInput):
    """The avatar cannot do that: {reason}"""

    user_text_template = texts.errors.AVATAR_REFUSED


class ErasureRefused(BadInput):
    """The person cannot be erased: {reason}"""

    user_text_template = texts.errors.ERASURE_REFUSED


class ImageOrderUncertain(ProviderError):
    """The provider {provider} may have taken the order or not: {reason}"""

    user_text_template = texts.errors.IMAGE_ORDER_UNCERTAIN


class ImageOrderFailed(ProviderError):
    """The provider {provider} failed at the order: {reason}"""

    user_text_template = texts.errors.IMAGE_ORDER_FAILED
