"""Every error the product raises on purpose, but those that are in ``errors_of_operation``::

    VoxPersonaError
    ├── UnexpectedFailure              exit status 1: the log has the traceback
    ├── BadInput                       exit status 2: the person can mend it
    │   ├── UnreadableFile
    │   ├── EmptyFile
    │   ├── NotARecording
    │   ├── NoSoundTrack
    │   ├── BrokenRecording
    │   ├── OriginalGone
    │   ├── RecordingTooShort
    │   ├── RecordingTooLong
    │   ├── RecordingTooLarge
    │   ├── NoSpeech
    │   ├── UnknownChoice
    │   ├── BadText                    what a person typed; the reason is the whole sentence
    │   └── BuildingNeeded
    ├── BadSettings                    exit status 2: the operator can mend it
    │   ├── SecretsUnread              files with passwords, which Compose makes
    │   ├── UnreadableSettings         ``.env`` as a whole, or lines of it
    │   ├── BadReportPack
    │   ├── ContextTooSmall
    │   ├── NoLanguageModel
    │   ├── MissingProgram
    │   └── WeightsRefused
    ├── OutOfResources                 exit status 2: the machine's, not the work's; it passes
    │   └── DiskFull
    ├── ProviderError                  exit status 3
    │   ├── ProviderUnavailable        trying again helps
    │   ├── ProviderRateLimited        trying again helps
    │   ├── ProviderInvalidAnswer      trying again helps
    │   ├── ProviderRefusedKey
    │   └── ProviderRejectedRequest
    ├── DatabaseUnavailable            exit status 3, trying again helps
    │   ├── DatabaseFull               trying again helps once there is space on its disk
    │   ├── DatabaseMisconfigured      trying again helps once the operator has mended it
    │   └── EmbeddedDatabaseAway       trying again helps
    ├── ObjectStoreUnavailable         exit status 3, trying again helps
    │   ├── ObjectDamaged              trying again helps: the transfer may have been to blame
    │   ├── ObjectFolderUnavailable    trying again helps
    │   └── ObjectStoreRefusedKey      trying again does not help
    ├── ReportIndexBroken              exit status 2: reconciling mends it
    ├── EngineFailed                   exit status 3
    ├── NotFound                       exit status 2
    │   └── ReportFileGone             the list has the report, the disk has not
    ├── WordsChanged                   exit status 1: a bug, nothing is stored
    ├── MessengerError                 exit status 3; this class and its subclasses are in ``messenger``
    │   ├── MessengerUnavailable       trying again helps
    │   ├── MessengerRefusedSecrets    exit status 2: the operator can mend it
    │   ├── AlreadySent                the message was sent before and has been deleted since
    │   ├── ChatClosed                 the person blocked the bot or is gone
    │   └── FileGone                   the messenger no longer has the file
    ├── AccessDenied                   exit status 2
    ├── OutdatedButton                 exit status 1: a button of an earlier menu, or no button of ours
    ├── Cancelled                      exit status 130: a person stopped the work
    └── Interrupted                    exit status 130: the same command goes on

A docstring is the technical message, ``user_text_template`` the Russian one; the constructor's keywords fill both."""

import re

import texts.errors

_A_FILE = "the file"


class VoxPersonaError(Exception):
    """Something went wrong that has no better name."""

    code: str = "vox_persona_error"  # stored with failed jobs; the code of ``NoSoundTrack`` is ``no_sound_track``
    user_text_template: str = texts.errors.UNKNOWN
    retryable: bool = False
    exit_status: int = 1

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, **details: object) -> None:
        self.details = details
        # What people call their files is theirs: it is in what they read, and in no log.
        told = details | {name: _A_FILE for name in details if name == "file_name"}
        super().__init__(_fill(" ".join((self.__class__.__doc__ or "").split()), told))

    @property
    def user_text(self) -> str:
        """The Russian sentence that says what is wrong and what to do."""
        return _fill(self.user_text_template, self.details)


def _fill(template: str, details: dict[str, object]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(details.get(match[1], "—")), template)


class UnexpectedFailure(VoxPersonaError):
    """Something that nobody foresaw: {reason}"""


class BadInput(VoxPersonaError):
    """The input cannot be worked with."""

    exit_status = 2


class UnreadableFile(BadInput):
    """{file_name} cannot be read: {reason}"""

    user_text_template = texts.errors.UNREADABLE_FILE


class EmptyFile(BadInput):
    """{file_name} has no bytes."""

    user_text_template = texts.errors.EMPTY_FILE


class NotARecording(BadInput):
    """{file_name} is no audio or video container: {reason}"""

    user_text_template = texts.errors.NOT_A_RECORDING


class NoSoundTrack(BadInput):
    """{file_name} has no audio stream."""

    user_text_template = texts.errors.NO_SOUND_TRACK


class BrokenRecording(BadInput):
    """{file_name} cannot be decoded: {reason}"""

    user_text_template = texts.errors.BROKEN_RECORDING


class OriginalGone(BadInput):
    """Nobody has the original of {file_name} any more."""

    user_text_template = texts.errors.ORIGINAL_GONE


class RecordingTooShort(BadInput):
    """{file_name} lasts {duration_s} s, less than {minimum_s} s."""

    user_text_template = texts.errors.RECORDING_TOO_SHORT


class RecordingTooLong(BadInput):
    """{file_name} lasts {duration}, more than {maximum}."""

    user_text_template = texts.errors.RECORDING_TOO_LONG


class RecordingTooLarge(BadInput):
    """{file_name} has {size}, more than {maximum}."""

    user_text_template = texts.errors.RECORDING_TOO_LARGE


class NoSpeech(BadInput):
    """{file_name} has no speech."""

    user_text_template = texts.errors.NO_SPEECH


class UnknownChoice(BadInput):
    """{value} is not one of {allowed}."""

    user_text_template = texts.errors.UNKNOWN_CHOICE


class BadText(BadInput):
    """What was typed does not do: {reason}"""

    user_text_template = texts.errors.BAD_TEXT


class BuildingNeeded(BadInput):
    """The reports {labels} depend on a building type and none is given."""

    user_text_template = texts.errors.BUILDING_NEEDED


class BadSettings(VoxPersonaError):
    """Settings are missing or wrong: {names}"""

    user_text_template = texts.errors.BAD_SETTINGS
    exit_status = 2


class SecretsUnread(BadSettings):
    """Files with secrets cannot be read: {files}, which are named by {names}."""

    user_text_template = texts.errors.SECRETS_UNREAD


class UnreadableSettings(BadSettings):
    """The file with the settings cannot be read: {reason}"""

    user_text_template = texts.errors.UNREADABLE_SETTINGS


class BadReportPack(BadSettings):
    """The report pack is wrong: {reason}"""

    user_text_template = texts.errors.BAD_REPORT_PACK


class ContextTooSmall(BadSettings):
    """The model's context is {missing_tokens} tokens too small for prompt, a window of transcript and answer."""

    user_text_template = texts.errors.CONTEXT_TOO_SMALL


class MissingProgram(BadSettings):
    """The program {program} is not installed."""

    user_text_template = texts.errors.MISSING_PROGRAM


class WeightsRefused(BadSettings):
    """The weights {name} are refused: {reason}"""

    user_text_template = texts.errors.WEIGHTS_REFUSED


class OutOfResources(VoxPersonaError):
    """The system gives us no more {what}."""

    user_text_template = texts.errors.OUT_OF_RESOURCES
    exit_status = 2


class DiskFull(OutOfResources):
    """No space left while writing {path}."""

    user_text_template = texts.errors.DISK_FULL


class ProviderError(VoxPersonaError):
    """The provider {provider} failed: {reason}"""

    user_text_template = texts.errors.PROVIDER_FAILED
    exit_status = 3


class ProviderUnavailable(ProviderError):
    """The provider {provider} does not answer: {reason}"""

    user_text_template = texts.errors.PROVIDER_UNAVAILABLE
    retryable = True


class ProviderRateLimited(ProviderError):
    """The provider {provider} limits the rate; retry after {retry_after_s} s."""

    user_text_template = texts.errors.PROVIDER_RATE_LIMITED
    retryable = True


class ProviderInvalidAnswer(ProviderError):
    """The provider {provider} gave an answer that does not parse: {reason}"""

    user_text_template = texts.errors.PROVIDER_INVALID_ANSWER
    retryable = True


class ProviderRefusedKey(ProviderError):
    """The provider {provider} refused the key."""

    user_text_template = texts.errors.PROVIDER_REFUSED_KEY


class ProviderRejectedRequest(ProviderError):
    """The provider {provider} rejected the request: {reason}"""

    user_text_template = texts.errors.PROVIDER_REJECTED_REQUEST


class DatabaseUnavailable(VoxPersonaError):
    """The database does not answer: {reason}"""

    user_text_template = texts.errors.DATABASE_UNAVAILABLE
    retryable = True
    exit_status = 3


class DatabaseFull(DatabaseUnavailable):
    """The database answers, and has no space left in {path}: {reason}"""

    user_text_template = texts.errors.DATABASE_FULL


class DatabaseMisconfigured(DatabaseUnavailable):
    """The database answers, and does not let us work: {reason}"""

    user_text_template = texts.errors.DATABASE_MISCONFIGURED


class EmbeddedDatabaseAway(DatabaseUnavailable):
    """The embedded database does not answer: {reason}"""

    user_text_template = texts.errors.EMBEDDED_DATABASE_AWAY


class ObjectStoreUnavailable(VoxPersonaError):
    """The object store failed: {reason}"""

    user_text_template = texts.errors.OBJECT_STORE_UNAVAILABLE
    retryable = True
    exit_status = 3


class ObjectDamaged(ObjectStoreUnavailable):
    """The bytes of the object {key} are not those that were stored: they have another sha256."""

    user_text_template = texts.errors.OBJECT_DAMAGED


class ObjectFolderUnavailable(ObjectStoreUnavailable):
    """The folder of the object store {path} cannot be used: {reason}"""

    user_text_template = texts.errors.OBJECT_FOLDER_UNAVAILABLE


class ObjectStoreRefusedKey(ObjectStoreUnavailable):
    """The object store refused the key: {reason}"""

    user_text_template = texts.errors.OBJECT_STORE_REFUSED_KEY
    retryable = False


class ReportIndexBroken(VoxPersonaError):
    """The report index {path} is missing or does not parse."""

    user_text_template = texts.errors.REPORT_INDEX_BROKEN
    exit_status = 2


class EngineFailed(VoxPersonaError):
    """The embedded engine {engine} failed: {reason}"""

    user_text_template = texts.errors.ENGINE_FAILED
    exit_status = 3


class NoLanguageModel(BadSettings):
    """The language model is switched off."""

    user_text_template = texts.errors.NO_LANGUAGE_MODEL


class NotFound(VoxPersonaError):
    """{what} does not exist."""

    user_text_template = texts.errors.NOT_FOUND
    exit_status = 2


class ReportFileGone(NotFound):
    """The file of report {report} is gone."""

    user_text_template = texts.errors.REPORT_FILE_GONE


class WordsChanged(VoxPersonaError):
    """Labelling the speakers changed the words of the transcript."""

    user_text_template = texts.errors.WORDS_CHANGED


class AccessDenied(VoxPersonaError):
    """{person} may not {permission}."""

    user_text_template = texts.errors.ACCESS_DENIED
    exit_status = 2


class OutdatedButton(VoxPersonaError):
    """The button {data} is of an earlier menu."""

    user_text_template = texts.errors.OUTDATED_BUTTON


class Cancelled(VoxPersonaError):
    """A person cancelled the work."""

    user_text_template = texts.errors.CANCELLED
    exit_status = 130


class Interrupted(VoxPersonaError):
    """The work was interrupted; the same command goes on."""

    user_text_template = texts.errors.INTERRUPTED
    exit_status = 130
