"""Doctests in docstrings are shown as code; Markdown would take them for quotations."""

import re

import griffe

_DOCTEST = re.compile(r"^>>> .+(?:\n(?!\s*$).+)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts a fence around every doctest."""

    def on_object(self, *, obj: griffe.Object, **kwargs: object) -> None:
        """Change the text of one docstring."""
        if obj.docstring:
            text = obj.docstring.value
            obj.docstring.value = _DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
