"""The page templates of the package."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from unsynth.report.values import value_html


@cache
def load_template(path: str) -> Template:
    """Load a template by its path in the package, such as ``report/page.html.j2``.

    It is compiled once: that takes longer than to render a page.

    Templates escape what they print, fail on undefined variables, and have ``value`` to write a
    :class:`~unsynth.report.values.Value`.
    """
    environment = Environment(
        loader=PackageLoader("unsynth", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["value"] = value_html
    return environment.get_template(path)
