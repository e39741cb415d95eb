"""What the pages tell readers to type does what the pages say."""

from pathlib import Path

import pytest

from tests.docs.fenced_blocks import ROOT, Block, blocks_of, copy_of_the_checkout, pages, run_block

PAGES = list(pages())


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT / "docs")) for p in PAGES])
def test_the_blocks_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    copy_of_the_checkout(tmp_path)
    for block in blocks_of(page):
        run_block(block, tmp_path)


def test_there_are_pages_to_run() -> None:
    assert {"tutorial", "how-to"} <= {page.parent.name for page in PAGES}


@pytest.mark.parametrize(
    "block",
    [
        Block("python", "", "raise SystemExit(1)"),
        Block("console", "", "$ false"),
        Block("console", "", "$ echo one\ntwo\n"),
        Block("console", "", "$ echo 20 erased\n21 erased\n"),
        Block("console", "", "$ echo 1.5 dB; echo 2\n2\n1.5 ... dB\n"),
    ],
)
def test_a_page_that_is_wrong_is_noticed(block: Block, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run_block(block, tmp_path)


def test_a_session_may_leave_out_what_varies(tmp_path: Path) -> None:
    run_block(Block("console", "", "$ echo NMSE -41.2 dB, 0 erased\nNMSE ... dB\n"), tmp_path)


def test_a_measured_number_stands_for_any_other(tmp_path: Path) -> None:
    run_block(Block("console", "", "$ echo NMSE -41.2 dB of 20\nNMSE -3.55 dB of 20\n"), tmp_path)


def test_a_block_may_be_excused_with_a_reason(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: a fragment -->\n```python\nx\n```\n\n```python\ny\n```\n")
    assert [block.text for block in blocks_of(page)] == ["y\n"]
