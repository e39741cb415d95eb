"""The name of a data set follows from what it holds, however that is written down."""

import json
from pathlib import Path

from zo_core.data.examples import as_text, file_rows
from zo_core.data.identity import content_id

ROWS = [("a fine film", "1"), ("a dull film", "0"), ("so so", "0"), ("so so", "0")]


def _id(path: Path, header: tuple[str, ...] = ()) -> str:
    rows = file_rows(path, header)
    return content_id(tuple(as_text(value) for value in row.values.values()) for row in rows)


def test_form_order_and_names_play_no_part(tmp_path: Path) -> None:
    table = "\n".join("\t".join(row) for row in ROWS)
    turned = "\n".join(f"{label},{text}" for text, label in reversed(ROWS))
    objects = "\n".join(json.dumps({"label": int(b), "sentence": a}) for a, b in ROWS)
    for name, content in {
        "a.tsv": f"sentence\tlabel\n{table}\n",
        "b.tsv": f"\ufefftext\tanswer\r\n{table}".replace("\n", "\r\n"),
        "c.csv": f"label,sentence\n{turned}",
        "d.jsonl": objects,
        "e.tsv": table,
    }.items():
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    ids = {_id(tmp_path / name) for name in ("a.tsv", "b.tsv", "c.csv", "d.jsonl")}
    assert ids == {_id(tmp_path / "e.tsv", ("x", "y"))}
    assert len(ids.pop()) == 64


def test_a_letter_or_a_row_is_another_data_set() -> None:
    others = [
        [*ROWS[:-1], ("so so", "1")],
        ROWS[:-1],
        [*ROWS, ROWS[0]],
        [("a fine film1", ""), *ROWS[1:]],
        [("a fine film", "1", ""), *ROWS[1:]],
    ]
    assert len({content_id(rows) for rows in [ROWS, *others]}) == 1 + len(others)
