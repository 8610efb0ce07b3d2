"""The verifier that is sent in place of a password; that PostgreSQL takes it, other tests show."""

import pytest

from store.scram import scram_verifier


def test_a_verifier_tells_no_password_and_differs_each_time() -> None:
    first, second = scram_verifier("correct horse"), scram_verifier("correct horse")
    assert first.startswith("SCRAM-SHA-256$4096:")
    assert first != second
    assert "horse" not in first


def test_the_same_salt_gives_the_same_verifier() -> None:
    assert scram_verifier("correct horse", b"0" * 16) == scram_verifier("correct horse", b"0" * 16)


@pytest.mark.parametrize("password", ["", "short", "line\nbreak in it", "pässwörter"])
def test_a_password_that_would_need_normalising_or_is_short_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        scram_verifier(password)
