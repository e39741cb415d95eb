"""The plan as a user meets it: figures that can be checked by hand, warnings, wrong use."""

import re
from pathlib import Path

import pytest
from ota_calibration.privacy.gaussian_accountant import largest_mu

from sdr_ota.cli.compare import compare
from sdr_ota.cli.plan import plan
from sdr_ota.failure import CommandFailed
from sdr_ota.rounds.messages import bits_per_round

CLIENT_LEVEL = ["clients.source=synthetic", "privacy.protect=client", "privacy.neighbours=replace"]


def _plan(capsys: pytest.CaptureFixture[str], *settings: str) -> str:
    plan(None, settings, None)
    return " ".join(capsys.readouterr().out.split())


def test_air_time_and_bandwidth_follow_from_the_frame(capsys: pytest.CaptureFixture[str]) -> None:
    text = _plan(capsys, "radio.sample_rate_hz=2e6", "link.max_cfo_hz=1e4", "run.rounds=10")
    assert "1350 kHz" in text  # 2 MS/s over 2 samples a chip, times 1 + roll-off 0.35
    assert "914.325 to 915.675 MHz" in text
    slower = _plan(capsys, "radio.sample_rate_hz=1e6", "link.max_cfo_hz=1e4", "run.rounds=10")
    assert "10.27 ms a round" in slower
    assert "5.13 ms a round" in text or "5.00 ms a round" in text


@pytest.mark.parametrize(("n_nodes", "least_ms", "most_ms"), [(5, 1.5, 1.7), (20, 2.8, 3.0)])
def test_air_time_of_a_scalar_falls_with_the_symbols_of_a_frame(
    capsys: pytest.CaptureFixture[str], n_nodes: int, least_ms: float, most_ms: float
) -> None:
    nodes = f"clients.count={n_nodes}"
    alone, several = (_plan(capsys, nodes, f"frame.symbols={n}") for n in (1, 16))
    per_round_ms = float(alone.split("air time ")[1].split(" ms a round")[0])
    assert f"air time a scalar {per_round_ms:.2f} ms, one in a frame" in alone
    assert "payload 16 times 512 chips, 16.384 ms" in several
    assert "16 of each node in a frame" in several
    each_ms = float(several.split("air time a scalar ")[1].split(" ms")[0])
    assert least_ms < each_ms < most_ms
    # 15 payloads of 512 chips of 2 us more, and nothing else
    assert each_ms == pytest.approx((per_round_ms + 15 * 1.024) / 16, abs=0.01)
    assert f"control messages {bits_per_round(16)[1]} bit to a node" in several
    # 15 seeds and 15 means of 9 bytes; a list of more than 15 says its length in 2 bytes more
    assert bits_per_round(16)[1] == bits_per_round()[1] + 8 * (15 * (9 + 9) + 2 * 2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            ("air.preset=free-running-pluto",),
            "16 us, 16 samples; payload 64 chips, 1.024 ms (start jitter 1 us: a chip of at least "
            "16 us)",
        ),
        ((), "2 us, 2 samples; payload 512 chips, 1.024 ms (starts do not scatter)"),
        (("frame.payload_s=2e-3", "frame.samples_per_chip=4"), "4 us, 4 samples; payload 500"),
        (("radio.has_hardware_time=false",), "512 in the payload; pilot chips of 2 samples"),
    ],
)
def test_the_length_of_a_chip_is_shown_with_its_reason(
    settings: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in _plan(capsys, *settings)


@pytest.mark.parametrize(("n_nodes", "shares"), [(48, False), (49, True)])
def test_nodes_that_share_codes_are_warned_of(
    n_nodes: int, shares: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _plan(capsys, f"clients.count={n_nodes}", "clients.source=synthetic")
    assert ("nodes share 48 node pilot codes" in " ".join(shown.split())) == shares


def test_control_messages_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    up, down = bits_per_round()
    assert f"{down} bit to a node, {up} bit from it, each round" in _plan(capsys)


def test_nodes_own_files_need_not_be_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(
        """
        clients = {count = 1, location = "node", sampling_rate = 0.05}
        data = {train = "only-there.tsv"}
        link = {scheme = "energy-difference"}
        privacy = {protect = "record"}
        radio.receiver = "driver=pluto,uri=ip:a"
        radio.nodes = ["driver=pluto,uri=ip:b,host=lab0"]
        radio.transmit_allowed = true
        band = [{low_hz = 914e6, high_hz = 916e6}]
        """
    )
    plan(file, [], None)
    assert "Poisson rate 0.0500" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("n_rounds", [100, 1000])
def test_noise_is_what_the_formula_says(capsys: pytest.CaptureFixture[str], n_rounds: int) -> None:
    text = _plan(
        capsys, *CLIENT_LEVEL, "privacy.trust=server-sees-sum", f"run.rounds={n_rounds}",
        "privacy.epsilon=5", "privacy.delta=1e-2", "air.snr_db=80",
    )  # fmt: skip
    noise = 2 * n_rounds**0.5 / (5 * largest_mu(5, 1e-2))  # 2 gamma sqrt(T) / (K mu)
    assert f"noise of the mean scalar {noise:.3g} clip levels" in text
    assert "epsilon, server-sees-sum 5 " in text


def test_the_papers_numbers_cannot_learn_and_the_plan_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = _plan(capsys, *CLIENT_LEVEL, "run.rounds=8000", "privacy.epsilon=5",
                 "privacy.delta=0.01", "privacy.trust=server-sees-sum")  # fmt: skip
    assert "cannot learn: the noise on the mean scalar is 20.4 times the clip level" in text


def test_numbers_that_share_a_clip_share_what_the_noise_leaves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Sixteen clipped together have a quarter of the clip level each, for the price of one."""
    setting = [*CLIENT_LEVEL, "privacy.epsilon=30"]
    one, many = (_plan(capsys, *setting, f"frame.symbols={q}") for q in (1, 16))
    rows = [
        [re.search(rf"{row} ([\d.]+)", text)[1] for text in (one, many)]  # type: ignore[index]
        for row in ("noise each client adds", "epsilon, local")
    ]
    assert all(alone == together for alone, together in rows)
    said = [re.search(r"noise on the mean scalar is ([\d.]+) times", text) for text in (one, many)]
    found = [re.search(r"noise of the mean scalar ([\d.]+)", text) for text in (one, many)]
    for match, noise, times in zip(said, found, (1, 4), strict=True):
        assert noise
        expected = times * float(noise[1])
        assert (match is not None) is (expected > 1)
        assert match is None or float(match[1]) == pytest.approx(expected, rel=0.01)
    assert said[1]


def test_schemes_that_show_single_clients_claim_local_trust_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = _plan(capsys, *CLIENT_LEVEL, "link.scheme=energy-difference")
    assert "epsilon, server-sees-sum no claim" in text
    assert "epsilon, local 8 " in text


def test_a_figure_that_cannot_be_drawn_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(None, (), tmp_path / "noise.png")
    assert "not drawn: it shows the noise of a promise" in capsys.readouterr().out
    with pytest.raises(CommandFailed, match=r"cannot save .*noise\.foo"):
        plan(None, ["privacy.protect=record"], tmp_path / "noise.foo")
    with pytest.raises(CommandFailed, match=r"cannot save .*schemes\.foo"):
        compare(2, 64, 10, 1, 1, tmp_path / "schemes.foo")
    assert list(tmp_path.iterdir()) == []


def test_without_a_promise_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no promise; see [privacy]" in _plan(capsys)


def test_the_figure_is_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = tmp_path / "noise.png"
    plan(None, [*CLIENT_LEVEL, "privacy.schedule=solution"], figure)
    assert figure.stat().st_size > 5000
    with pytest.raises(CommandFailed, match="cannot save"):
        plan(None, CLIENT_LEVEL, tmp_path / "noise.unknown")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["privacy.protect=record", "privacy.schedule=online"], "not accounted for"),
        (["privacy.protect=client", "link.scheme=tdma", "privacy.trust=server-sees-sum"], "tdma"),
        (
            ["privacy.protect=client", "link.scheme=energy-difference",
             "privacy.trust=channel-noise-trusted"],
            "holds for coherent amplitudes only",
        ),
        (
            ["privacy.protect=client", "link.payload=sign", "privacy.trust=server-sees-sum"],
            "shows single clients",
        ),
        (["privacy.protect=record", "privacy.batches=fixed"], "needs neighbours"),
        (["privacy.protect=record", "clients.source=synthetic"], "hold no records"),
        (["privacy.noise=receiver"], "channel-noise-trusted"),
        (["privacy.schedule=full-power"], "whole budget on the first round"),
        (["privacy.delta=1"], "privacy.delta"),
    ],
)  # fmt: skip
def test_promises_that_cannot_be_kept_are_refused(settings: list[str], words: str) -> None:
    with pytest.raises(CommandFailed, match=words):
        plan(None, settings, None)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], "sgd: no memory beside the model, 1 pass over directions"),
        (
            ["zo.rule=normalised", "zo.momentum=0.9", "zo.directions_per_step=2"],
            "normalised, momentum 0.9: no memory beside the model, 16 passes over directions",
        ),
        (
            ["zo.rule=adamezo", "zo.momentum_window=4"],
            "a few MiB beside the model, 4 passes",
        ),
        (["zo.rule=hiso"], "hiso: 4 bytes a trainable weight beside the model, 2 passes"),
    ],
)
def test_the_cost_of_a_step_is_said(
    settings: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in _plan(capsys, *settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["zo.rule=hiso", "zo.momentum=0.5"], "earlier slopes were measured along other curv"),
        (
            ["zo.rule=adamezo", "model.weight_format=bfloat16", "model.rounding=stochastic"],
            'use model.rounding = "nearest"',
        ),
    ],
)
def test_what_a_rule_cannot_do_is_refused(settings: list[str], said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        plan(None, settings, None)


@pytest.mark.parametrize("which", ["train", "held_out"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("sentence\tanswer\na fine film\t1\n", "no column 'label'; found 'sentence', 'answer'"),
        ("text\tlabel\na fine film\t1\n", "no column 'sentence'; found 'text', 'label'"),
        ("sentence\tlabel\na fine film\n", "1 values for 2 columns"),
        ("sentence\tlabel\n", "holds no example"),
    ],
)
def test_the_columns_of_a_file_are_compared_with_its_header(
    which: str, content: str, said: str, tmp_path: Path
) -> None:
    config, file = tmp_path / "own.toml", tmp_path / "own.tsv"
    config.write_text(f'data = {{{which} = "own.tsv"}}')
    file.write_text(content)
    with pytest.raises(CommandFailed, match=said) as wrong:
        plan(config, [], None)
    assert wrong.value.exit_code == 2


def test_a_file_that_is_not_there_yet_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "own.toml"
    config.write_text('data = {train = "own.tsv"}')
    plan(config, [], None)
    assert "there is no data file" in " ".join(capsys.readouterr().out.split())


def test_energy_follows_from_the_time_on_the_air(capsys: pytest.CaptureFixture[str]) -> None:
    text = _plan(capsys, "radio.sample_rate_hz=1e6", "link.max_cfo_hz=1e4")
    assert "10.27 ms a round" in text  # times 2.5 W, times 4.5 W
    assert "energy of a node at most 26 mJ (PlutoSDR), 46 mJ (USRP B200) a round" in text
    # a million chips of 2 us, beside which the payload of 512 is nothing
    assert "2.7 s over LTE, 2.0 s over this air" in text
