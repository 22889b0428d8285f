"""Parameter values as pages show them; a value that cannot be heard is a dash."""

from dataclasses import dataclass

from markupsafe import Markup

#: Stands for a value that cannot be heard.
UNDETERMINED = "–"


@dataclass(frozen=True)
class Value:
    """A label, and the value's text: :data:`UNDETERMINED` unless ``audible``."""

    label: str
    text: str
    audible: bool


def value_text(value: int | float | str) -> str:
    """Write a value, numbers with four digits.

    >>> value_text(0.123456), value_text("saw up")
    ('0.1235', 'saw up')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def value_html(value: Value) -> Markup:
    """Write a value as HTML; screen readers read the dash as "undetermined"."""
    if value.audible:
        return Markup("{}").format(value.text)
    return Markup(
        '<span class="undetermined" title="undetermined: has no audible effect in this patch">'
        '<span aria-hidden="true">{}</span><span class="unseen">undetermined</span></span>'
    ).format(value.text)
