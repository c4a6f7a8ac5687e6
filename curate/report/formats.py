"""Numbers as the page writes them.

In: counts, bytes, shares, seconds. Out: short strings. The decision: a share that is not nothing is
never shown as nothing, and one that is not everything never as everything.
"""

from __future__ import annotations

from typing import Any


def count(value: float) -> str:
    """
    >>> count(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}"


def size(value: float) -> str:
    """Bytes in decimal units.

    >>> size(1530), size(999), size(2.5e9)
    ('1.5 kB', '999 B', '2.5 GB')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.1f} {unit}"
    return f"{value:.0f} B"


def percent(value: float) -> str:
    """A share as percent, never rounded to 0 % or 100 % when it is neither.

    >>> percent(0.5), percent(0.0001), percent(0.99999), percent(1)
    ('50.0 %', '< 0.1 %', '> 99.9 %', '100 %')
    """
    if value in (0, 1):
        return f"{value:.0%}".replace("%", " %")
    if value < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def duration(seconds: float) -> str:
    """
    >>> duration(4.26), duration(75), duration(7265)
    ('4.3 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def number(value: float) -> str:
    """Three significant digits.

    >>> number(0.12345), number(51234.0), number(3.0)
    ('0.123', '51,234', '3')
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def signed(value: Any) -> str:
    """Three decimals with a real minus.

    >>> signed(-0.0415)
    '−0.042'
    """
    return f"{value:+.3f}".replace("-", "−")


def money(value: float) -> str:
    """An amount in a currency the reader knows; small ones with two digits that say something.

    >>> money(2.5), money(0.00123), money(1234.5), money(0)
    ('2.50', '0.0012', '1,234.50', '0.00')
    """
    return f"{value:,.2f}" if value >= 0.1 or value == 0 else f"{value:.2g}"


FILTERS = {
    "count": count, "size": size, "percent": percent, "duration": duration, "number": number,
    "signed": signed, "money": money,
}  # fmt: skip
