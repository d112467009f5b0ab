"""Puts the command-line library's help and error messages into Russian."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import click

import texts.cli


class _HelpFormatter(click.HelpFormatter):
    """Lays help out under Russian headings."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:  # noqa: ARG002
        """Write the usage line, which is the first line of the help."""
        super().write_usage(prog, args, prefix=texts.cli.HELP_USAGE)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Write a heading; what is written during the block is indented under it."""
        with super().section(texts.cli.HELP_SECTIONS.get(name, name)):
            yield


class _Context(click.Context):
    formatter_class = _HelpFormatter


class Command(click.Command):
    """A command whose help and error messages are in Russian."""

    context_class = _Context

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Refuse surplus ones here, since the library's own message about them is English."""
        ctx.allow_extra_args = True
        try:
            rest = super().parse_args(ctx, args)
        except click.BadOptionUsage as exc:
            # click raises this error without the context, which knows which options are flags.
            exc.ctx = exc.ctx or ctx
            raise
        if rest:
            raise click.UsageError(texts.cli.USAGE_EXTRA.format(value=" ".join(rest)), ctx)
        return rest


class Group(click.Group):
    """A group of commands whose help and error messages are in Russian."""

    context_class = _Context
    command_class = Command


class WholeNumber(click.ParamType[int]):
    """A whole number from ``smallest`` to ``largest``."""

    name = "number"

    def __init__(self, smallest: int, largest: int) -> None:
        self._smallest = smallest
        self._largest = largest

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; fail with a message that says which numbers are allowed."""
        try:
            number = int(value)
        except ValueError:
            number = self._smallest - 1
        if not self._smallest <= number <= self._largest:
            message = texts.cli.USAGE_NOT_A_NUMBER
            self.fail(message.format(value=value, smallest=self._smallest, largest=self._largest), param, ctx)
        return number


class Day(click.ParamType[date]):
    """A day as 2026-11-03."""

    name = "day"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day; fail with a message that says how days are written."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(texts.cli.USAGE_NOT_A_DAY.format(value=value), param, ctx)


def usage_reason(exc: click.UsageError) -> str:
    """Return in Russian what is wrong with a command; a plain ``UsageError`` has a Russian message already."""
    if isinstance(exc, click.NoSuchOption):
        return _unknown(texts.cli.USAGE_NO_SUCH_OPTION, exc.option_name, exc.possibilities)
    if isinstance(exc, click.NoSuchCommand):
        return _unknown(texts.cli.USAGE_NO_SUCH_COMMAND, exc.command_name, exc.possibilities)
    if isinstance(exc, click.BadOptionUsage):
        text = texts.cli.USAGE_IS_FLAG if _is_flag(exc) else texts.cli.USAGE_NEEDS_VALUE
        return text.format(name=exc.option_name)
    if isinstance(exc, click.MissingParameter) and exc.param is not None:
        return texts.cli.USAGE_MISSING.format(name=exc.param.metavar)
    if isinstance(exc, click.BadParameter) and exc.param is not None:
        return texts.cli.USAGE_BAD_VALUE.format(name=exc.param.opts[0], reason=exc.message)
    return exc.message


def _unknown(text: str, name: str, possibilities: list[str] | None) -> str:
    guess = texts.cli.USAGE_GUESS.format(names=", ".join(possibilities)) if possibilities else ""
    return text.format(name=name) + guess


def _is_flag(exc: click.BadOptionUsage) -> bool:
    options = exc.ctx.command.params if exc.ctx else []
    return any(isinstance(each, click.Option) and each.is_flag and exc.option_name in each.opts for each in options)


help_option = click.help_option("--help", help=texts.cli.HELP_HELP)
