"""What a limit does to Gaussian scalars is known in closed form; the records must say it."""

import logging
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import erf

from sdr_ota.cli.run import resume_command, run_command
from sdr_ota.config.load import ConfigError, load_config
from sdr_ota.failure import CommandFailed
from sdr_ota.report.clipping_rows import clipping_advice
from sdr_ota.report.run_table import table_rows
from sdr_ota.rounds.clipping import clipping_of, limit_for
from sdr_ota.rounds.clipping_watch import ClippingWatch
from sdr_ota.rounds.synthetic import SyntheticClient
from sdr_ota.rounds.truth import RoundTruth
from sdr_ota.runs.run_folder import RunRecord, read_run
from sdr_ota.runs.summary import summarise
from sdr_ota.signal.modulation import AnalogPayload, SignPayload

TRUTH = RoundTruth(
    symbols=np.zeros(3),
    scalars=np.array([-3.0, 1.0, 8.0]),
    example_scalars=((1.0, 5.0), (0.5, -2.5), (9.0, 7.0)),
)
N_ROUNDS, N_FEW, N_NODES = 60, 12, 5
LINK_ONLY = ("clients.source=synthetic", "air.preset=lab-wired")


def test_a_round_tells_what_was_clipped_of_the_nodes_that_sent() -> None:
    found = clipping_of(TRUTH, (0, 1), AnalogPayload(2.0))
    assert found is not None
    assert found.unclipped_symbols == (-1.5, 0.5)
    assert found.clipped_share == 0.5
    assert found.clip_biases == (0.5,)
    assert found.clipped_example_share == 0.5
    assert found.example_quantiles == (0.875, pytest.approx(2.125), 2.5)


def test_nothing_is_told_of_private_nodes_of_signs_and_of_nodes_that_have_gone() -> None:
    assert clipping_of(RoundTruth(), (0, 1), AnalogPayload(2.0)) is None
    assert clipping_of(TRUTH, (0, 1), SignPayload()) is None
    gone = RoundTruth(TRUTH.symbols, None, np.array([1.0, math.nan, 1.0]), ((), (), ()))
    assert clipping_of(gone, (0, 1), AnalogPayload(2.0)) is None
    alone = clipping_of(gone, (0, 2), AnalogPayload(2.0))
    assert alone is not None
    assert alone.clipped_example_share is None


def test_a_limit_clips_next_to_none_of_scalars_like_those_it_was_chosen_from() -> None:
    rng = np.random.default_rng(1)
    scalars = rng.standard_normal((1000, 100))
    limits = np.array([limit_for(one) for one in scalars])
    missed = 1 - erf(limits / math.sqrt(2))  # share of a Gaussian beyond each limit
    assert np.quantile(missed, 0.95) < 0.005


@pytest.fixture(scope="module")
def clipped(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    yield _run(
        tmp_path_factory.mktemp("clipped"), "link.scalar_limit=0.5", f"run.rounds={N_ROUNDS}"
    )


def _run(folder: Path, *settings: str) -> RunRecord:
    run_command(None, [*LINK_ONLY, f"run.rounds={N_FEW}", f"run.folder={folder}", *settings])
    (run,) = folder.iterdir()
    return read_run(run)


def test_share_and_loss_are_those_of_a_clipped_gaussian(clipped: RunRecord) -> None:
    summary, n = summarise(clipped), N_ROUNDS * N_NODES
    beyond = 1 - erf(0.5 / math.sqrt(2))
    assert summary.clipped_share == pytest.approx(beyond, abs=4 * math.sqrt(beyond / n))
    # Bussgang: a clipped Gaussian is erf(limit / sqrt(2)) of it, and a rest that it does not know.
    kept = erf(0.5 / math.sqrt(2))
    assert summary.kept_by_clip == pytest.approx(kept, abs=4 / math.sqrt(N_ROUNDS))
    assert summary.magnitudes is not None
    median = 0.6745 / 0.5  # of its magnitude; its deviation is 1 / (2 f sqrt(n)), f = 0.636
    assert summary.magnitudes[0] == pytest.approx(median, abs=4 * 2 * 0.787 / math.sqrt(n))
    assert summary.nmse_db < -30
    # Lost is (1 - kept)^2 and the rest's power, at least; 60 rounds know it to 2 dB.
    rest = beyond * 0.25 + _second_moment(0.5) - kept**2
    expected_db = 10 * math.log10((1 - kept) ** 2 + rest)
    assert summary.unclipped_nmse_db == pytest.approx(expected_db, abs=2.0)


def _second_moment(limit: float) -> float:
    """Return E[x^2; |x| < limit] of a standard Gaussian."""
    density = math.exp(-(limit**2) / 2) / math.sqrt(2 * math.pi)
    return float(erf(limit / math.sqrt(2))) - 2 * limit * density


def test_records_hold_every_scalar_and_the_bias(clipped: RunRecord) -> None:
    for r in clipped.rounds:
        assert r.unclipped_symbols is not None and r.true_sum is not None
        sent = np.clip(r.unclipped_symbols, -1, 1)
        assert r.true_sum == pytest.approx(sent.sum())
        assert r.true_sum - (r.clip_bias or 0.0) == pytest.approx(sum(r.unclipped_symbols))
        assert r.largest_scalar == clipped.start["scalar_limit"] == 0.5


def test_the_table_says_it_and_what_to_set(clipped: RunRecord) -> None:
    rows = dict(table_rows([clipped]))
    assert rows["clipped scalars"].endswith(" %")
    assert "of the mean" in rows["NMSE against the unclipped"]
    assert "set link.scalar_limit = " in rows["advice on the limit"]


def test_a_warning_comes_once_and_names_the_limit(
    clipped: RunRecord, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ClippingWatch()
    with caplog.at_level(logging.WARNING):
        for result in clipped.rounds:
            watch.look_at(result)
    (said,) = caplog.messages
    assert "link.scalar_limit = 0.5" in said
    assert '"auto"' in said


def test_a_wide_limit_is_neither_warned_of_nor_advised_against(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = _run(tmp_path, "link.scalar_limit=8")
    assert not [said for said in caplog.messages if "scalar_limit" in said]
    summary = summarise(run)
    assert summary.clipped_share == 0
    assert summary.kept_by_clip == 1
    assert summary.unclipped_nmse_db == pytest.approx(summary.nmse_db)
    assert clipping_advice(summary) is None
    assert "NMSE against the unclipped" not in dict(table_rows([run]))


def test_a_private_run_tells_nothing_of_its_scalars(tmp_path: Path) -> None:
    run = _run(tmp_path, "privacy.protect=client", "link.scalar_limit=0.5")
    assert all(r.unclipped_symbols is None and r.clipped_share is None for r in run.rounds)
    assert all((r.largest_scalar or 0) >= 0.5 for r in run.rounds)
    assert summarise(run).clipped_share is None
    assert "clipped scalars" not in dict(table_rows([run]))


def _sums(run: RunRecord) -> list[tuple[object, ...]]:
    return [(r.seed, r.true_sum, r.decoded_sum, r.largest_scalar) for r in run.rounds]


def test_a_learned_limit_gives_the_run_that_the_number_gives(tmp_path: Path) -> None:
    learned = _run(tmp_path / "auto", "link.scalar_limit=auto")
    limit = learned.start["scalar_limit"]
    assert 3 < limit < 5.5  # 3.9 deviations, the quantile from 100 scalars off by 0.2 of one
    assert _sums(learned) == _sums(_run(tmp_path / "given", f"link.scalar_limit={limit}"))
    assert learned.start["config"]["link"]["scalar_limit"] == "auto"


def test_a_resumed_run_keeps_the_limit_that_it_has_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path, "link.scalar_limit=auto")

    def learned_again(*_: object) -> float:
        raise AssertionError("the limit was learned a second time")

    monkeypatch.setattr("sdr_ota.assembly.limit_choice.learned_limit", learned_again)
    resume_command(run.folder, 5)
    more = read_run(run.folder).rounds
    assert len(more) == N_FEW + 5
    assert {r.largest_scalar for r in more} == {run.start["scalar_limit"]}


def test_a_changed_limit_in_the_start_record_is_refused(tmp_path: Path) -> None:
    run = _run(tmp_path, "link.scalar_limit=auto")
    path = run.folder / "start.json"
    said = path.read_text()
    limit = run.start["scalar_limit"]
    path.write_text(said.replace(f'"scalar_limit": {limit}', '"scalar_limit": 99.0'))
    assert path.read_text() != said
    with pytest.raises(CommandFailed, match="scalars up to"):
        resume_command(run.folder, 5)


def test_zeros_teach_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SyntheticClient, "local_scalars", lambda self, seeds: (0.0,))
    with pytest.raises(CommandFailed, match="nearly all are 0"):
        _run(tmp_path, "link.scalar_limit=auto")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (("privacy.protect=client",), "set a number beforehand"),
        (("link.payload=sign",), "signs have no limit"),
    ],
)
def test_a_limit_is_learned_where_scalars_may_be_seen_and_are_clipped(
    settings: tuple[str, ...], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        load_config(None, [*LINK_ONLY, "link.scalar_limit=auto", *settings])
