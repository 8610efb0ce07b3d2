"""Money as integers of minor units; the only place that converts to and from the wire.

Must never round twice: an amount is exact from the moment it is parsed, and a percentage is rounded once.
"""

from decimal import Context, Decimal, Inexact

MAX_MINOR = 10**12
"""Greatest amount of one order or limit, in minor units; far below 2**53, which Lua's numbers hold exactly."""

PPM = 1_000_000
"""A percentage is stored in parts per million of the whole: 20 % is 200 000."""

# ISO 4217 currencies whose minor unit is not a hundredth. Everything else has two decimals.
_WITHOUT = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
    *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_WITH_THREE = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_EXACT = Context(prec=28, traps=[Inexact])
"""A number with more digits than any amount has would be rounded, unless this is told not to."""

_UNITS = tuple(Decimal(1).scaleb(-decimals) for decimals in range(4))
"""What a minor unit is worth, by the currency's decimals. A product keeps them: 1800 * 0.01 is 18.00."""

_DECIMALS = {**dict.fromkeys(_WITHOUT, 0), **dict.fromkeys(_WITH_THREE, 3)}


class MoneyError(ValueError):
    """The number is not an amount: too many decimals, out of range, or not finite."""


def currency_decimals(currency: str) -> int:
    """Number of decimals of an ISO 4217 code."""
    return _DECIMALS.get(currency, 2)


def _scaled(value: Decimal, decimals: int, what: str) -> int:
    if not value.is_finite() or value.adjusted() > 15 or value.adjusted() < -30:
        if value.is_finite() and not value:
            return 0
        raise MoneyError(f"{what} is out of range")
    try:
        scaled = value.scaleb(decimals, _EXACT)
        whole = int(scaled)
    except Inexact:
        raise MoneyError(f"{what} has more than {decimals} decimals") from None
    if scaled != whole:
        raise MoneyError(f"{what} has more than {decimals} decimals")
    return whole


def to_minor(value: Decimal, decimals: int) -> int:
    """Exact minor units of a non-negative amount in major units; MoneyError if it is none."""
    minor = _scaled(value, decimals, "the amount")
    if not 0 <= minor <= MAX_MINOR:
        raise MoneyError("the amount is out of range")
    return minor


def to_major(minor: int, decimals: int) -> Decimal:
    """The amount as a Decimal that always shows the currency's decimals (1800 -> 18.00)."""
    return Decimal(minor) * _UNITS[decimals]


def percent_to_ppm(value: Decimal) -> int:
    """Parts per million of a percentage between 0 and 100 with up to four decimals."""
    ppm = _scaled(value, 4, "the percentage")
    if not 0 <= ppm <= PPM:
        raise MoneyError("the percentage is not between 0 and 100")
    return ppm


def ppm_to_percent(ppm: int) -> Decimal:
    """The percentage as written by a person: 200 000 -> 20, 12 500 -> 1.25."""
    value = Decimal(ppm).scaleb(-4)
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def share(amount_minor: int, ppm: int) -> int:
    """The ppm part of an amount, rounded half up to the minor unit, once."""
    return (amount_minor * ppm * 2 + PPM) // (2 * PPM)
