"""Text that came from a file or a radio, made fit to be shown on a terminal."""

import codecs
import io
import unicodedata


def printable(text: str) -> str:
    r"""Return a text whose control characters are written out; line breaks stay.

    A terminal obeys control characters: they could clear it, or set its title.

    >>> printable("done\x1b[2J")
    'done\\x1b[2J'
    """
    return "".join(one if _is_shown(one) else _written_out(one) for one in text)


def _is_shown(one: str) -> bool:
    return one == "\n" or unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co"}


def _written_out(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")


def let_every_terminal_show(*streams: object) -> None:
    """Let streams write what their encoding does not have in a plainer way, instead of failing.

    Args:
        streams: Those of text files are changed; others are left alone.
    """
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAINER)


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that cannot be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or _written_out(one) for one in missing), error.end


PLAINER = "sdr_ota.plainer"
"""Name of that way, as an error handler of text files."""

_PLAIN = dict(zip("–±…▁▂▃▄▅▆▇█", ("-", "+-", "...", *"....:::#"), strict=True))

codecs.register_error(PLAINER, _plainer)
