"""Templates into pages. They extend `base.html.jinja`, which has the styles; all that they show is escaped."""

from __future__ import annotations

from typing import Any

from dragoman.errors import Unsupported


def render(package: str, template: str, **values: Any) -> str:
    """Return a page.

    Args:
        package: The package whose folder `templates` has the template.
        template: Its file name.
        values: What it shows.

    Raises:
        Unsupported: Jinja is not installed.
    """
    try:
        from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise Unsupported("Pages need Jinja.", hint="pip install 'dragoman[pages]'") from error
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("dragoman.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
