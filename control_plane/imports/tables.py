"""CSV as it comes in, piece by piece: bytes to records. Takes UTF-8 with a byte-order mark or without, either line
end, and the comma, the semicolon or the tab. Must never hold more of a file than one record and one piece.
"""

import codecs
import csv
import io

from domain.problems import FieldError, Refused

MOST_RECORD_CHARS = 262_144
_DELIMITERS = ",;\t"


class CsvReader:
    """Feed it pieces; it gives the records that are whole. The first is the header's. Refused where it is no CSV."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._rest = ""
        self._delimiter = ""
        self._records = 0

    def feed(self, piece: bytes, is_last: bool = False) -> list[list[str]]:
        """The records that this piece completes; blank lines are none."""
        try:
            self._rest += self._decoder.decode(piece, is_last)
        except UnicodeDecodeError as error:
            raise _refused(f"behind row {self._records}: is not UTF-8") from error
        whole = self._rest if is_last else self._cut()
        self._rest = "" if is_last else self._rest[len(whole) :]
        if len(self._rest) > MOST_RECORD_CHARS:
            raise _refused(f"row {self._records + 1}: is longer than {MOST_RECORD_CHARS} characters")
        if not whole:
            return []
        if "\x00" in whole:
            raise _refused(f"behind row {self._records}: holds a NUL character")
        if not self._delimiter:
            first = whole.partition("\n")[0]
            self._delimiter = max(_DELIMITERS, key=first.count)
        try:
            records = [
                record
                for record in csv.reader(io.StringIO(whole, newline="\n"), delimiter=self._delimiter, strict=True)
                if record
            ]
        except csv.Error as error:
            raise _refused(f"behind row {self._records}: is no CSV: {error}") from error
        self._records += len(records)
        return records

    def _cut(self) -> str:
        """What is whole for certain: up to the last line end that stands outside of quotes."""
        at = end = quotes = 0
        for line in io.StringIO(self._rest, newline="\n"):
            at += len(line)
            quotes += line.count('"')
            if quotes % 2 == 0 and line[-1] == "\n":
                end = at
        return self._rest[:end]


def _refused(detail: str) -> Refused:
    return Refused("invalid_request", errors=(FieldError(detail, pointer=""),))
