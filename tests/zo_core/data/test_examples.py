"""Examples come in as they stand in the file, or with an error that says where it fails."""

import json
import sys
from pathlib import Path

import pytest

from zo_core.data.examples import DataError, Example, fetch_examples, read_examples

ROWS = [("a film , good", "1"), ('it "fails"', "0"), ("café crème", "1")]
EXPECTED = [Example({"sentence": text}, label) for text, label in ROWS]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, limit: int | None = None) -> list[Example]:
    return read_examples(path, ["sentence"], "label", limit)


def test_tsv_is_taken_without_quoting(tmp_path: Path) -> None:
    lines = ["sentence\tlabel", *(f"{text} \t{label}" for text, label in ROWS)]
    assert read(write(tmp_path / "d.tsv", "\n".join(lines) + "\n\n")) == EXPECTED


def test_csv_understands_quotes_and_other_column_orders(tmp_path: Path) -> None:
    lines = ["label,other,sentence", '1,x,"a film , good"', '0,y,"it ""fails"""', "1,z,café crème"]
    assert read(write(tmp_path / "d.csv", "\r\n".join(lines))) == EXPECTED


@pytest.mark.parametrize(
    ("written", "label"), [(1, "1"), ("1", "1"), (True, "true"), (False, "false")]
)
def test_json_lines_label_becomes_text(tmp_path: Path, written: object, label: str) -> None:
    lines = json.dumps({"sentence": "ü", "label": written}) + "\n\n"
    assert read(write(tmp_path / "d.jsonl", lines)) == [Example({"sentence": "ü"}, label)]


AG_NEWS_LINES = (
    '"3","Fears for T N pension after talks","Unions say they are ""disappointed"", and more."',
    '"4","The Race is On, Again","SPACE.com - A second team"',
)
"""In the form of the file as it is distributed: class, title and description, no header line."""


def test_a_file_without_a_header_line_has_its_columns_named(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", "\n".join(AG_NEWS_LINES) + "\n")
    found = read_examples(path, ["title"], "label", header=("label", "title", "description"))
    assert [(e.label, e.fields["title"]) for e in found] == [
        ("3", "Fears for T N pension after talks"),
        ("4", "The Race is On, Again"),
    ]
    with pytest.raises(
        DataError, match=r"line 2: no column 'title'.*name its columns in data\.col"
    ):
        read_examples(path, ["title"], "label")
    with pytest.raises(DataError, match="line 1: 3 values for 2 columns"):
        read_examples(path, ["title"], "label", header=("label", "title"))


def test_json_lines_name_their_columns_themselves(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", '{"sentence": "a", "label": 1}\n')
    with pytest.raises(DataError, match=r"leave data\.columns out"):
        read_examples(path, ["sentence"], "label", header=("sentence", "label"))


def test_limit_takes_from_the_top(tmp_path: Path) -> None:
    lines = ["sentence\tlabel", *(f"{text}\t{label}" for text, label in ROWS)]
    path = write(tmp_path / "d.tsv", "\n".join(lines))
    assert [read(path, limit) for limit in (1, 2, 9)] == [EXPECTED[:1], EXPECTED[:2], EXPECTED]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("d.tsv", "", "holds no example"),
        ("d.tsv", "sentence\tlabel\n", "holds no example"),
        ("d.jsonl", "\n", "holds no example"),
        ("d.tsv", "text\tlabel\na\t1\n", r"line 2: no column 'sentence'; found 'text', 'label'"),
        ("d.csv", "sentence\na\n", r"line 2: no column 'label'; found 'sentence'"),
        ("d.jsonl", '{"sentence": "a"}\n', r"line 1: no column 'label'; found 'sentence'"),
        ("d.tsv", "sentence\tlabel\na\t1\nb\n", r"line 3: 1 values for 2 columns"),
        ("d.jsonl", '{"sentence": \n', r"line 1: not a JSON object"),
        ("d.jsonl", "[1, 2]\n", r"line 1: found '\[1, 2\]', expected a JSON object"),
        ("d.txt", "sentence\tlabel\na\t1\n", r"'.txt' is not known; use one of '.tsv'"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(write(tmp_path / name, text))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data file .*nowhere\.tsv"):
        read(tmp_path / "nowhere.tsv")


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    path.write_bytes(b"sentence\tlabel\ncaf\xe9\t1\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read(path)


def test_missing_datasets_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"needs the `datasets` library.*pip install"):
        fetch_examples("nyu-mll/glue:sst2", "train", ["sentence"], "label")


class FakeDatasets:
    """Stands in for the library: records what it is asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: tuple[object, ...] = ()
        self.error = error

    def load_dataset(self, name: str, configuration: str | None, split: str) -> list[object]:
        self.asked = (name, configuration, split)
        if self.error:
            raise self.error
        return [{"sentence": text, "label": int(label)} for text, label in ROWS]


@pytest.mark.parametrize(
    ("name", "asked"),
    [("nyu-mll/glue:sst2", ("nyu-mll/glue", "sst2", "train")), ("a/b", ("a/b", None, "train"))],
)
def test_datasets_are_asked_by_name_configuration_and_split(
    monkeypatch: pytest.MonkeyPatch, name: str, asked: tuple[object, ...]
) -> None:
    fake = FakeDatasets()
    monkeypatch.setitem(sys.modules, "datasets", fake)
    assert fetch_examples(name, "train", ["sentence"], "label") == EXPECTED
    assert fake.asked == asked


def test_unreachable_data_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", FakeDatasets(ConnectionError("no network")))
    with pytest.raises(DataError, match=r"'a/b', split 'train', cannot be loaded: no network"):
        fetch_examples("a/b", "train", ["sentence"], "label")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", 'text,label\n"never closed,1\n' + "row,0\n" * 30_000, "line 2: field larger"),
        ("a.tsv", "text\tlabel\n" + "x" * 140_000 + "\t1\n", "line 2: field larger"),
        ("a.jsonl", '{"text": "good \\ud83d film", "label": 1}\n', "'text' holds a half of a"),
        ("a.jsonl", '{"text": "x", "label": "\\udc00"}\n', "'label' holds a half of a"),
        ("a.jsonl", "[" * 200_000 + "\n", "line 1: not a JSON object that can be read"),
        ("a.jsonl", '{"text": ' + "1" * 5000 + ', "label": 1}\n', "line 1: not a JSON object that"),
    ],
)
def test_what_the_parsers_below_raise_becomes_a_sentence(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=words):
        read_examples(tmp_path / name, ("text",), "label")
