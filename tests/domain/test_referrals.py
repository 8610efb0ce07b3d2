"""Who is who in referrals: one mailbox has one spelling, commitments tell nothing, and the order of refusals."""

from hypothesis import given
from hypothesis import strategies as st

from domain.outcomes import PROBLEMS
from domain.referrals import Facts, commitment, commitments, normalise_email, standing

SECRET = b"s" * 32
LOCALS = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=20).filter(lambda t: t.strip("."))
DOMAINS = st.sampled_from(["shop.example", "gmail.com", "googlemail.com", "MAIL.example", "x.de"])
ALIASES = st.text("abc0123-+", max_size=6)


@given(local=LOCALS, domain=DOMAINS, alias=ALIASES)
def test_case_blanks_and_plus_aliases_make_no_other_mailbox(local: str, domain: str, alias: str) -> None:
    plain = normalise_email(f"{local}@{domain}")
    assert normalise_email(f"  {local.upper()}+{alias}@{domain.upper()} ") == plain
    assert normalise_email(f"{local}@{domain}.") == plain


@given(local=LOCALS)
def test_dots_and_the_other_name_make_no_other_mailbox_at_gmail(local: str) -> None:
    assert normalise_email(f"{local}@gmail.com") == normalise_email(f"{local.replace('.', '')}@googlemail.com")
    if "." in local:
        assert normalise_email(f"{local}@x.de") != normalise_email(f"{local.replace('.', '')}@x.de")


@given(text=st.text(max_size=60))
def test_what_is_normalised_stays_as_it_is(text: str) -> None:
    once = normalise_email(text)
    assert normalise_email(once) == once


def test_wide_letters_and_an_address_that_is_all_alias() -> None:
    assert normalise_email("ＡＬＩＣＥ@x.de") == "alice@x.de"  # noqa: RUF001
    assert normalise_email("+news@x.de") == "+news@x.de"
    assert normalise_email("no address") == "noaddress"


@given(value=st.text(min_size=1, max_size=40), other=st.text(min_size=1, max_size=40))
def test_commitments_are_equal_for_equal_identities_alone(value: str, other: str) -> None:
    one = commitment(SECRET, "prj_a", "device", value)
    assert len(one) == 16
    assert (commitment(SECRET, "prj_a", "device", other) == one) == (value.strip() == other.strip())
    assert commitment(SECRET, "prj_b", "device", value) != one
    assert commitment(SECRET, "prj_a", "card", value) != one
    assert commitment(b"t" * 32, "prj_a", "device", value) != one


def test_only_the_identities_that_a_program_declares_are_compared_and_the_email_always() -> None:
    stated = {"email": "Bob+x@X.de", "device": "d1", "card": "c1", "shoe": " "}
    found = dict(commitments(SECRET, "prj_a", ("device", "shoe"), stated))
    assert found == {
        "device": commitment(SECRET, "prj_a", "device", "d1"),
        "email": commitment(SECRET, "prj_a", "email", "bob@x.de"),
    }


@given(same=st.booleans(), shares_identity=st.booleans(), is_referred=st.booleans(), is_ring=st.booleans())
def test_a_referral_stands_where_nothing_speaks_against_it(
    same: bool, shares_identity: bool, is_referred: bool, is_ring: bool
) -> None:
    facts = Facts("alice", "alice" if same else "bob", shares_identity, is_referred, is_ring)
    code = standing(facts)
    assert (code is None) == (not (same or shares_identity or is_referred or is_ring))
    assert code is None or code in PROBLEMS
    assert (code == "self_referral") == (same or shares_identity)


def test_nobody_in_particular_cannot_be_referred() -> None:
    assert standing(Facts("alice", None)) == "customer_required"
