"""A file sent by a form, for browsers without scripts: it goes to the disk as it comes, at one go."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

import texts.web
from constants import NO_SCENARIO
from errors import RecordingTooLarge
from errors_of_operation import SeveralFiles
from utils import human_size
from web.forms import building_in
from web.people import FORM_FIELD, Recording, check_form
from web.site import services_of, site_of

_SEE_OTHER = 303
_LONGEST_FIELD = 4096
_FIELDS = frozenset([FORM_FIELD, "scenario", "building"])


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.post("/uploads")
    async def send(request: Request, visitor: Recording) -> Response:
        """Take a file with what is said of it; the fields come before the file."""
        length, services, site = request.headers.get("content-length", ""), services_of(request), site_of(request)
        if not length.isdecimal():
            raise HTTPException(400)
        if int(length) > (most := services.limits.largest_bytes):
            # Before a byte of it is read, and so before its name is known.
            size, maximum = human_size(int(length)), human_size(most)
            raise RecordingTooLarge(file_name=texts.web.UPLOAD_OF_FORM, size=size, maximum=maximum)
        with site.receiving():
            form = FileForm(request, site.arriving(request.stream()))
            await form.read_fields()
            check_form(request, visitor.form_token, form.fields.get(FORM_FIELD, ""))
            await services.uploads.receive(
                visitor.user.id,
                form.file_name,
                int(length),
                form.fields.get("scenario") or NO_SCENARIO,
                building_in(form.fields.get("building", "")),
                form.content(),
            )
        return RedirectResponse("/", _SEE_OTHER)

    return router


class FileForm:
    """A form that is read piece by piece: first its fields, then the content of its one file."""

    def __init__(self, request: Request, stream: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise HTTPException(415)
        self.fields: dict[str, str] = {}
        self.file_name = ""
        self._stream = stream
        self._disposition = self._header = self._value = b""
        self._field = ""
        self._in_file = self._ended = self._has_more_files = False
        self._pieces: list[bytes] = []
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
            },
        )

    async def read_fields(self) -> None:
        """Read as far as the file's content.

        Raises:
            HTTPException: 400, there is no file, or this is no form of ours.
        """
        while not self.file_name:
            if not await self._read():
                raise HTTPException(400)

    async def content(self) -> AsyncIterator[bytes]:
        """Yield the content of the file, and read the form to its end.

        Raises:
            HTTPException: 400, the form breaks off.
            SeveralFiles: another file comes after it; none of them is taken.
        """
        while True:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                yield piece
            if self._ended:
                break
            if not await self._read():
                # The form ended within its file: what has come is not the file.
                raise HTTPException(400)
        while not self._has_more_files:
            if not await self._read():
                return
        raise SeveralFiles

    async def _read(self) -> bool:
        block = await anext(self._stream, b"")
        try:
            self._parser.write(block)
        except MultipartParseError:
            raise HTTPException(400) from None
        return bool(block)

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        if len(self._header) > _LONGEST_FIELD:
            raise HTTPException(400)

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        if len(self._value) > _LONGEST_FIELD:
            raise HTTPException(400)

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" in options and not self.file_name:
            self.file_name = options[b"filename"].decode(errors="replace") or "-"
            self._in_file = True
            return
        self._has_more_files |= b"filename" in options
        named = options.get(b"name", b"").decode(errors="replace")
        self._field = named if named in _FIELDS else ""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])
        elif self._field:
            said = self.fields.get(self._field, "") + data[start:end].decode(errors="replace")
            self.fields[self._field] = said[:_LONGEST_FIELD]

    def _on_part_end(self) -> None:
        if self._in_file:
            self._in_file, self._ended = False, True
        self._field = ""
