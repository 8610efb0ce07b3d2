"""Ids and codes: spelled one way, derived the same way for ever."""

import string

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import (
    CODE_ALPHABET,
    code_from_entropy,
    fingerprint,
    is_code,
    is_id,
    normalise_code,
    redemption_id,
    time_ordered_id,
)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_time(earlier: int, later: int, entropy: bytes) -> None:
    first, second = sorted((earlier, later))
    assert (time_ordered_id("vch", first, entropy) <= time_ordered_id("vch", second, entropy)) is True
    assert is_id("vch", time_ordered_id("vch", first, entropy))
    assert not is_id("cmp", time_ordered_id("vch", first, entropy))


def test_g3_a_redemption_id_never_changes_for_a_key() -> None:
    """A golden value: if this changes, retries over an upgrade would redeem twice."""
    assert redemption_id("prj_1", "redeem", "key-1") == redemption_id("prj_1", "redeem", "key-1")
    assert redemption_id("prj_1", "redeem", "key-1") == "rdm_020Y7M0TKRX9Z1J1RTF16YZV8A"


@given(st.text(), st.text(), st.text(), st.text())
def test_g3_different_keys_have_different_ids(project: str, key: str, project2: str, key2: str) -> None:
    same = (project, key) == (project2, key2)
    assert (redemption_id(project, "redeem", key) == redemption_id(project2, "redeem", key2)) is same


def test_fingerprints_tell_path_from_body() -> None:
    assert fingerprint("/a", b"b") != fingerprint("/ab", b"")
    assert len(fingerprint("/a", b"b")) == 16


def test_codes_are_normalised_once() -> None:
    assert normalise_code(" save 20\t") == "SAVE20"
    assert is_code("SAVE20")
    assert not any(map(is_code, ("", "A" * 65, "Ä", "A/B", "A B", "A%", "A\x00")))


def test_code_characters_cannot_be_mistaken_for_each_other() -> None:
    assert len(set(CODE_ALPHABET)) == 32
    assert not set(CODE_ALPHABET) & set("IO01")
    assert set(CODE_ALPHABET) <= set(string.ascii_uppercase + string.digits)
    assert code_from_entropy(bytes(range(12))) == "ABCDEFGHJKLM"
