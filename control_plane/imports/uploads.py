"""A file as it comes over the wire: the body itself, or the one file of a multipart form. Must never hold all of it."""

from collections.abc import AsyncIterator

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header  # type: ignore[import-untyped]

from domain.problems import Refused

MOST_FORM_BYTES = 64 * 1024 * 1024
"""Of the whole body, the form around the file included."""


async def read_file(stream: AsyncIterator[bytes], content_type: str) -> AsyncIterator[bytes]:
    """The pieces of the file."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        async for piece in stream:
            yield piece
        return
    files = 0
    try:
        with PushMultipartParser(options.get("boundary", ""), max_segment_count=20) as parser:
            is_file = False
            async for piece in stream:
                for part in parser.parse(piece):
                    if isinstance(part, MultipartSegment):
                        is_file = part.filename is not None
                        files += is_file
                        if files > 1:
                            raise Refused("malformed_body", "The form holds more than one file.")
                    elif part and is_file:
                        yield bytes(part)
    except (MultipartError, ValueError) as error:
        raise Refused("malformed_body", "The body is not a multipart form.") from error
    if not files:
        raise Refused("malformed_body", "The form holds no file.")
