"""A page for every package, made from the signatures and docstrings of its public modules."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import indent

import griffe

UNDOCUMENTED = ("ota_flowgraphs.generated", "ota_flowgraphs.blocks")
"""What GNU Radio compiled, or can import alone."""

ROOTS = ("sdr_ota", "zo_core", "ota_calibration", "ota_flowgraphs")

ROOT = Path(__file__).parents[2]
ROOMS = (ROOT, ROOT / "calibration", ROOT / "flowgraphs")

_DOCTEST = re.compile(r"^>>> .+(?:\n(?!\s*$).+)*", re.MULTILINE)

_INSERTED = re.compile(r"^::: (\S+)$", re.MULTILINE)

_READING = griffe.GoogleOptions(
    warnings=False, returns_multiple_items=False, returns_named_value=False
)


def pages() -> Iterator[tuple[str, str]]:
    """Yield reference/code/PACKAGE.md for every package that holds something."""
    for package in (package for root in ROOTS for package in _packages(_code()[root])):
        modules = [m for m in package.modules.values() if _is_public(m) and not m.is_init_module]
        if modules:
            parts = (_part(m, 2) for m in sorted(modules, key=lambda module: module.name))
            text = "\n\n".join([f"# {package.path}", *_told(package), *parts])
            yield f"reference/code/{package.path}.md", f"{text}\n"


def with_code(text: str) -> str:
    """Put what the code says of a class or function where a page has a line ``::: its.name``."""
    return _INSERTED.sub(lambda found: _head(_code()[found[1]], 3, found[1]), text)


@cache
def _code() -> griffe.ModulesCollection:
    loader = griffe.GriffeLoader(search_paths=ROOMS)
    for root in ROOTS:
        loader.load(root)
    return loader.modules_collection


def _packages(package: griffe.Module) -> Iterator[griffe.Module]:
    """Yield a package and all below it that are documented."""
    if package.path.startswith(UNDOCUMENTED):
        return
    yield package
    for module in package.modules.values():
        if module.is_init_module:
            yield from _packages(module)


def _is_public(part: griffe.Object | griffe.Alias) -> bool:
    return not (part.is_alias or part.name.startswith("_"))


def _part(part: griffe.Object, level: int) -> str:
    """Return a module, class, function or value, and all that it holds."""
    own = [m for m in part.members.values() if isinstance(m, griffe.Object) and _is_public(m)]
    told = [m for m in own if m.docstring and not isinstance(m, griffe.Module)]
    inner = (_part(m, min(level + 1, 6)) for m in sorted(told, key=lambda m: m.lineno or 0))
    name = part.path if isinstance(part, griffe.Module) else part.name
    return "\n\n".join([_head(part, level, name), *inner])


def _head(part: griffe.Object, level: int, name: str) -> str:
    """Return heading, signature and docstring of a part."""
    heading = f"{'#' * level} `{name}` {{#{part.path}}}"
    return "\n\n".join([heading, *_signature(part), *_told(part)])


def _signature(part: griffe.Object) -> Iterator[str]:
    """Yield how a part is called, or what a value is; what has none yields nothing."""
    text = ""
    if isinstance(part, griffe.Function):
        text = part.signature()
    elif isinstance(part, griffe.Class) and isinstance(
        made := part.members.get("__init__"), griffe.Function
    ):
        text = made.signature(name=part.name, return_type=False)
    elif isinstance(part, griffe.Attribute):
        kind = f": {part.annotation}" if part.annotation else ""
        value = f" = {part.value}" if part.value and not part.has_labels("property") else ""
        text = f"{part.name}{kind}{value}"
    if text:
        yield f"```python\n{text}\n```"


def _told(part: griffe.Object) -> Iterator[str]:
    """Yield the sections of a docstring as Markdown; doctests become code."""
    if not part.docstring:
        return
    for section in part.docstring.parse("google", **_READING):
        if isinstance(section, griffe.DocstringSectionText):
            yield _DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", section.value)
        elif isinstance(section, griffe.DocstringSectionExamples):
            yield "\n\n".join(
                text if kind is griffe.DocstringSectionKind.text else f"```pycon\n{text}\n```"
                for kind, text in section.value
            )
        elif isinstance(section, griffe.DocstringSectionAdmonition):
            yield f"**{section.title}**\n\n{section.value.contents}"
        else:
            title = section.title or section.kind.value.capitalize()
            yield f"**{title}**\n\n" + "\n".join(map(_item, section.value))


def _item(item: griffe.DocstringElement) -> str:
    """Return one argument, attribute, exception or result as an item of a list."""
    name = f"`{item.name}`" if getattr(item, "name", None) else ""
    kind = f"`{item.annotation}`" if item.annotation else ""
    head = f"{name} ({kind})" if name and kind else name or kind
    return f"- {head}: " + indent(item.description, "  ").strip()
