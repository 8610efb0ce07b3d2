"""The loader of named SQL blocks."""

from pathlib import Path

import pytest

from store.queries import QUERIES, SQL_FOLDER, QueryFileError, load, parse_blocks, query


def test_blocks_are_found_by_name_with_their_comments() -> None:
    text = "-- A file.\n\n-- name: read_one\n-- $1 an id\nSELECT 1;\n\n-- name: read_two \nSELECT\n  2;\n"
    assert parse_blocks(text, "x.sql") == {"read_one": "-- $1 an id\nSELECT 1;", "read_two": "SELECT\n  2;"}


def test_what_several_blocks_share_stands_in_each() -> None:
    text = "-- name: a\n-- use: rows\nWHERE id = $1;\n-- fragment: rows\nSELECT id\nFROM t\n-- name: b\n-- use: rows\n;"
    assert parse_blocks(text, "x.sql") == {"a": "SELECT id\nFROM t\nWHERE id = $1;", "b": "SELECT id\nFROM t\n;"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SELECT 1;\n-- name: a\nSELECT 2;", "before the first name"),
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "a is there twice"),
        ("-- name: a\n-- nothing but words\n-- name: b\nSELECT 2;", "a is empty"),
        ("-- name: Read It\nSELECT 1;", "'Read It' is no name"),
        ("-- name:\nSELECT 1;", "'' is no name"),
        ("-- fragment: a\nx\n-- name: a\nSELECT 1;", "a is there twice"),
        ("-- name: a\nSELECT 1\n-- use: b\n;", "no fragment 'b'"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(QueryFileError, match=complaint):
        parse_blocks(text, "x.sql")


def test_a_name_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("one.sql", "two.sql"):
        (tmp_path / name).write_text("-- name: read_it\nSELECT 1;\n")
    with pytest.raises(QueryFileError, match=r"two\.sql: read_it is in one\.sql already"):
        load(tmp_path.glob("*.sql"))


def test_a_missing_name_says_which() -> None:
    with pytest.raises(KeyError, match="read_nothing"):
        query("read_nothing")


def test_every_file_of_the_house_is_loaded() -> None:
    names = [line for path in SQL_FOLDER.glob("*.sql") for line in path.read_text().splitlines()]
    assert len(QUERIES) == sum(line.startswith("-- name:") for line in names) > 0
