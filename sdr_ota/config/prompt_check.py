"""Whether prompts can be made by the template, words and columns that a user has written."""

from collections.abc import Collection, Mapping
from string import Formatter


def check_prompt(
    template: str, verbaliser: Mapping[str, str], columns: Collection[str], label_column: str
) -> None:
    """Refuse forms that no example fits.

    Args:
        template: Prompt with columns in braces.
        verbaliser: What is written for each label.
        columns: Of the files, where they have no header line; empty where that says them.
        label_column: Column with the label.

    Raises:
        ValueError: With a sentence.
    """
    named = _columns("data.template", template)
    if not named:
        raise ValueError(
            f"data.template = {template!r} names no column: write the text column in braces, such "
            "as '{sentence} It was'"
        )
    if len(verbaliser) < 2:
        raise ValueError(f"data.verbaliser knows {len(verbaliser)} labels; it needs at least 2")
    words = [text.strip() for text in verbaliser.values()]
    if not all(words) or len(set(words)) < len(words):
        raise ValueError(f"data.verbaliser: each label needs words of its own, not {words}")
    for label, text in verbaliser.items():
        named |= _columns(f"data.verbaliser.{label}", text)
    missing = sorted((named | {label_column}) - set(columns)) if columns else []
    if missing:
        raise ValueError(
            f"data.columns = {list(columns)} has no {missing[0]!r}, which the prompt or "
            "data.label_column names"
        )


def _columns(key: str, form: str) -> set[str]:
    """Return the columns that a text names in braces.

    Raises:
        ValueError: If a brace holds anything but the name of a column.
    """
    try:
        parts = list(Formatter().parse(form))
    except ValueError as broken:
        raise ValueError(f"{key} = {form!r}: {broken}; a brace of the text is doubled") from None
    for _, column, how, conversion in parts:
        if column is not None and (
            how or conversion or not column.strip() or set(column) & set(".[]{}")
        ):
            raise ValueError(
                f"{key} = {form!r}: write the name of a column in braces and nothing else, such as "
                "{sentence}; a brace of the text is doubled"
            )
    return {column for _, column, _, _ in parts if column}
