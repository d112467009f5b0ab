"""The errors of the PostgreSQL driver as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

import texts.errors
from errors import DatabaseFull, DatabaseMisconfigured, DatabaseUnavailable


@contextmanager
def errors_mapped(place: str | Path, unavailable: type[DatabaseUnavailable] = DatabaseUnavailable) -> Iterator[None]:
    """Map the driver's errors to ours; those of a wrong statement (its syntax, its values) are left as they are.

    ``place`` says whose disk it is when the server has no space left.
    """
    try:
        yield
    except psycopg.errors.DiskFull as exc:
        raise DatabaseFull(path=place, reason=str(exc)) from exc
    except psycopg.errors.InsufficientPrivilege as exc:
        raise DatabaseMisconfigured(reason=str(exc), why=texts.errors.DATABASE_NO_RIGHTS) from exc
    except psycopg.errors.ReadOnlySqlTransaction as exc:
        raise DatabaseMisconfigured(reason=str(exc), why=texts.errors.DATABASE_READ_ONLY) from exc
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as exc:
        raise unavailable(reason=f"{type(exc).__name__}: {exc}") from exc
