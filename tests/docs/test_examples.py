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


@pytest.mark.parametrize(
    "session",
    [
        "$ (echo no such bench >&2; exit 3) &\n$ sleep 100\n",
        "$ (echo no such bench; exit 3) > bench.log 2>&1 &\n$ sleep 100\n",
    ],
)
def test_a_command_behind_a_session_that_fails_ends_it_with_its_message(
    session: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=r"exit code 3: \(echo no such") as failed:
        run_block(Block("console", "", session), tmp_path)
    assert "\nno such bench\n" in f"\n{failed.value}"
    assert "not done" not in str(failed.value)


def test_what_a_session_said_until_its_time_was_over_is_shown(tmp_path: Path) -> None:
    block = Block("console", "", "$ echo so far; echo more > far.log; sleep 100\n")
    with pytest.raises(AssertionError, match=r"(?s)so far.*not done after 1 s.*far.log.*more"):
        run_block(block, tmp_path, longest_s=1)


def test_a_command_behind_a_session_ends_with_it(tmp_path: Path) -> None:
    typed = "$ bash -c \"trap 'echo bye > ended; exit' TERM; while :; do sleep 0.05; done\" &\n"
    run_block(Block("console", "", typed + "$ sleep 0.5\n"), tmp_path)
    assert (tmp_path / "ended").read_text() == "bye\n"


def test_a_session_may_leave_out_what_varies(tmp_path: Path) -> None:
    run_block(Block("console", "", "$ echo NMSE -41.2 dB, 0 erased\nNMSE ... dB\n"), tmp_path)


def test_a_measured_number_stands_for_any_other(tmp_path: Path) -> None:
    run_block(Block("console", "", "$ echo NMSE -41.2 dB of 20\nNMSE -3.55 dB of 20\n"), tmp_path)


def test_a_block_may_be_excused_with_a_reason(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: a fragment -->\n```python\nx\n```\n\n```python\ny\n```\n")
    assert [block.text for block in blocks_of(page)] == ["y\n"]
