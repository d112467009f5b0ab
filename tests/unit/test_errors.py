"""Every error has a code, an exit status and a sentence of its own, and the sentence is always complete."""

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

import errors
import errors_of_operation
import messenger
import texts.errors
import texts.errors_in_chats
from cli.process import exit_status_of
from config import ROOT
from errors import ProviderRejectedRequest, UnexpectedFailure, VoxPersonaError


def below(cls: type[VoxPersonaError]) -> Iterator[type[VoxPersonaError]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from below(subclass)


CLASSES = list(below(VoxPersonaError))
assert {messenger.MessengerError, errors_of_operation.WorkerAlone} <= set(CLASSES)  # what is not in errors
FAMILIES = {errors.BadInput, UnexpectedFailure, errors.OutdatedButton, errors.BadText}
"""Never told by a sentence of their own: what is raised is below the first, nothing better is known of the second, the
words of the third are fixed and followed by the menu, and those of the fourth come with it."""
TOLD = [cls for cls in CLASSES if cls not in FAMILIES]


def placeholders(template: str | None) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", template or ""))


@cache
def sources() -> list[tuple[str, list[ast.AST]]]:
    """Path and nodes of every module but those of the errors."""
    return [
        (str(path.relative_to(ROOT)), list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
        for path in sorted((ROOT / "src").rglob("*.py"))
        if path.name not in {"errors.py", "errors_of_operation.py", "messenger.py"}
    ]


def made() -> Iterator[tuple[type[VoxPersonaError], set[str], str]]:
    """Where the code makes an error: class, names of the details, place."""
    known = {cls.__name__: cls for cls in CLASSES}
    for name, nodes in sources():
        called = set()
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
                called.add(node.func)
                yield known[node.func.id], {str(keyword.arg) for keyword in node.keywords}, f"{name}:{node.lineno}"
        for node in nodes:
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in known:
                yield known[node.exc.id], set(), f"{name}:{node.lineno}"


@pytest.mark.parametrize("cls", TOLD, ids=lambda cls: cls.__name__)
def test_every_class_has_a_sentence_and_a_message_of_its_own(cls: type[VoxPersonaError]) -> None:
    assert "user_text_template" in vars(cls)
    assert [each.user_text_template for each in CLASSES].count(cls.user_text_template) == 1
    assert cls.__doc__ != cls.__mro__[1].__doc__


@pytest.mark.parametrize("cls", TOLD, ids=lambda cls: cls.__name__)
def test_a_sentence_says_what_is_wrong_and_then_what_to_do(cls: type[VoxPersonaError]) -> None:
    # What a provider refuses has its advice in the reason.
    text = f"{cls.user_text_template} {texts.errors.REASON_NO_FUNDS if cls is errors.ProviderRejectedRequest else ''}"
    assert re.search(r"[.:] .*[а-яё]+(?:те|ся|ить|ать)\b", text)
    assert re.match(r"[А-ЯЁ]|Telegram |\{messenger\} ", text)


def test_no_sentence_or_message_is_left_with_a_gap() -> None:
    gaps = [
        (place, cls.__name__, missing)
        for cls, details, place in made()
        if (missing := (placeholders(cls.user_text_template) | placeholders(cls.__doc__)) - details)
    ]
    assert gaps == []


def test_every_class_is_used() -> None:
    named = Counter(node.id for _, nodes in sources() for node in nodes if isinstance(node, ast.Name))
    assert [cls.__name__ for cls in CLASSES if not named[cls.__name__] and not cls.__subclasses__()] == []


def test_an_exception_outside_the_tree_is_a_signal_within_one_module() -> None:
    builtin = {name for name, value in vars(builtins).items() if isinstance(value, type)}
    exceptions = {name for name in builtin if issubclass(getattr(builtins, name), BaseException)}
    known = exceptions | {"VoxPersonaError", *(cls.__name__ for cls in CLASSES)}
    outside = [
        (place, node)
        for place, nodes in sources()
        for node in nodes
        if isinstance(node, ast.ClassDef) and {ast.unparse(base).split(".")[-1] for base in node.bases} & known
    ]
    assert [(place, node.name) for place, node in outside if not node.name.startswith("_")] == []
    reasons = {node.name: ast.get_docstring(node) or "" for _, node in outside}
    assert [name for name, reason in reasons.items() if "module" not in reason] == []


def test_codes_are_unique() -> None:
    assert max(Counter(cls.code for cls in CLASSES).values()) == 1


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_stored_code_leads_back_to_the_exit_status(cls: type[VoxPersonaError]) -> None:
    assert exit_status_of(cls().code) == cls.exit_status


def test_a_code_of_an_older_version_is_a_failure_all_the_same() -> None:
    assert exit_status_of("no_longer_known") == 1


def test_details_are_put_in_once_and_never_read_as_templates() -> None:
    error = errors.UnreadableFile(file_name="{reason}.ogg", reason="нет {0} прав")
    assert "«{reason}.ogg» не читается: нет {0} прав" in error.user_text
    assert str(error) == "the file cannot be read: нет {0} прав"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_what_stands_in_logs_has_no_name_of_a_file(cls: type[VoxPersonaError]) -> None:
    assert "Петров +79161234567" not in str(cls(file_name="Петров +79161234567.ogg"))


def drawn() -> Iterator[tuple[str, str, str]]:
    """The trees in the docstrings: class, parent, remark."""
    parents: list[str] = []
    for line in f"{errors.__doc__}\n{errors_of_operation.__doc__}".splitlines():
        if root := re.fullmatch(r"    (\w+)", line):
            parents = [root[1]]
        match = re.fullmatch(r"    ((?:│   |    )*)[├└]── (\w+) *(.*)", line)
        if match:
            depth = len(match[1]) // 4 + 1
            yield match[2], parents[depth - 1], match[3]
            parents[depth:] = [match[2]]


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    assert sorted((name, parent) for name, parent, _ in drawn()) == sorted(
        (cls.__name__, cls.__mro__[1].__name__) for cls in CLASSES
    )


def test_the_remarks_in_the_docstring_are_true() -> None:
    known = {cls.__name__: cls for cls in CLASSES}
    for name, parent, remark in drawn():
        status = re.search(r"exit status (\d+)", remark)
        inherited = known[parent].exit_status if parent in known else None
        assert known[name].exit_status == (int(status[1]) if status else inherited), name
        helps = "trying again helps" in remark
        assert known[name].retryable == helps, name


AT_A_TERMINAL = {
    "UnwritableFolder",
    "UnknownChoice",
    "BotNotConfigured",
    "BotRunsAlready",
    "OpenSettings",
    "FolderClosed",
    "SecretsUnread",
    "UnreadableSettings",
    "WorkerAlone",
    "NeitherBotNorShared",
    "BackupPasswordRefused",
    "BackupFailed",
    "BackupUnavailable",
    "BackupDamaged",
    "BackupNotFound",
    "RestoreRefused",
    "StoreInUse",
    "Interrupted",
    "BadInput",
}
"""What no chat can lead to."""


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_people_in_a_chat_read_of_no_settings_hosts_or_flags(cls: type[VoxPersonaError]) -> None:
    operators = re.compile(
        r"[A-Z]{2,}_|\.env|--\w|scripts/run|persistent_data|папк|журнал|прав[аоу]? доступа|127\.0\.0\.1"
    )
    told = texts.errors_in_chats.chat_text(cls.code, cls(provider="http://127.0.0.1:8080").user_text)
    assert told
    assert cls.__name__ in AT_A_TERMINAL or operators.search(told) is None, told


def test_a_sentence_for_chats_belongs_to_an_error() -> None:
    assert set(texts.errors_in_chats.SENTENCES) <= {cls.code for cls in CLASSES}


def test_a_stored_text_without_a_sentence_of_its_own_is_told_as_it_is() -> None:
    assert texts.errors_in_chats.chat_text("no_speech", "В записи не слышно речи.") == "В записи не слышно речи."
    assert texts.errors_in_chats.chat_text(None, None) == ""


def test_people_read_that_money_has_run_out_and_whom_to_tell() -> None:
    refused = ProviderRejectedRequest(provider="fal.ai", reason=texts.errors.REASON_NO_FUNDS)
    told = texts.errors_in_chats.chat_text(refused.code, refused.user_text)
    assert told == "На счёте сервиса обработки закончились средства: сообщите администратору. Готовое сохранено."
