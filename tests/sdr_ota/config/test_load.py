import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from sdr_ota.config.load import Config, ConfigError, changed_config, load_config

EXAMPLES = Path(__file__).parents[3] / "examples"
SWEEPS = {"sweep.toml", "accuracy-over-epsilon.toml", "accuracy-over-epsilon-sst2.toml"}
EXPERIMENTS = [path for path in sorted(EXAMPLES.glob("*.toml")) if path.name not in SWEEPS]


def test_demo_file_says_what_the_defaults_are() -> None:
    assert load_config(EXAMPLES / "demo.toml") == load_config(None)


def test_demo_file_names_every_table_but_the_bands_of_real_radios() -> None:
    tables = tomllib.loads((EXAMPLES / "demo.toml").read_text())
    assert set(tables) == set(Config.model_fields) - {"band"}


@pytest.mark.parametrize(
    "path",
    EXPERIMENTS,
    ids=lambda path: path.name,
)
def test_every_example_is_valid(path: Path) -> None:
    assert load_config(path).run.rounds >= 1


def test_set_goes_through_the_same_checks_as_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[run]\nrounds = 0\n")
    with pytest.raises(ConfigError) as from_file:
        load_config(file)
    with pytest.raises(ConfigError) as from_setting:
        load_config(None, ["run.rounds=0"])
    assert str(from_file.value) == str(from_setting.value)


def test_set_wins_over_the_file_and_leaves_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[run]\nrounds = 7\nseed = 3\n")
    config = load_config(file, ["run.rounds=9", "air.preset=ideal", "link.truncation_db = 6.5"])
    assert (config.run.rounds, config.run.seed) == (9, 3)
    assert (config.air.preset, config.link.truncation_db) == ("ideal", 6.5)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("run.rounds=0", ["run.rounds = 0", "at least 1"]),
        ("air.snr_db=500", ["air.snr_db = 500", "at least -60", "at most 120"]),
        ("link.peak_amplitude=1.5", ["link.peak_amplitude = 1.5", "above 0", "at most 0.9"]),
        ("zo.learning_rate=nan", ["zo.learning_rate", "finite"]),
        ("run.rounds=many", ["run.rounds = 'many'", "integer"]),
        ("link.shceme=coherent", ["unknown key 'link.shceme'", "did you mean 'scheme'"]),
        ("lnk.scheme=coherent", ["unknown table 'lnk'", "did you mean 'link'"]),
        ("base.run.rounds=60", ["unknown table 'base'", "sdr-ota sweep"]),
        ("link.scheme=foo", ["unknown scheme 'foo'", "coherent", "tdma"]),
        ("air.preset=moon", ["air preset 'moon' is unknown", "lab-wired"]),
        ("link.scheme=fsk-vote", ["signs only", 'payload = "sign"']),
        ("rounds=3", ["--set 'rounds=3'", "table.key=value"]),
        ("run.rounds", ["--set 'run.rounds'", "table.key=value"]),
        ("run.seed.x=3", ["run.seed"]),
        ("data.template={a} It was", ["template and verbaliser"]),
        ("link.scheme_parameters={look_chips=5}", ["no parameter 'look_chips'"]),
        ("link.max_cfo_hz=400e3", ["link.max_cfo_hz", "quarter", "radio.sample_rate_hz"]),
    ],
)
def test_a_wrong_value_is_answered_with_place_value_and_what_is_allowed(
    setting: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as wrong:
        load_config(None, [setting])
    for word in words:
        assert word in str(wrong.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        load_config(None, ["run.rounds=0", "zo.learning_rate=-1", "clients.cuont=3"])
    assert len(str(wrong.value).splitlines()) == 3


def test_too_many_nodes_for_a_tdma_payload_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 4 chips a node"):
        load_config(None, ["link.scheme=tdma", "clients.count=400"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[run\nrounds = 3", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "cannot read"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "broken.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as wrong:
        load_config(file)
    assert "broken.toml" in str(wrong.value)


def bench_of(folder: Path, *nodes: str) -> Path:
    """Write the config of a bench with one receiver and some nodes."""
    path = folder / "bench.toml"
    listed = ", ".join(f'"{node}"' for node in nodes)
    path.write_text(
        f"clients.count = {len(nodes)}\n"
        f'[radio]\nreceiver = "driver=pluto,uri=ip:r"\nnodes = [{listed}]\n'
        'transmit_allowed = true\n[[band]]\nname = "cables"\nlow_hz = 914e6\nhigh_hz = 916e6\n'
    )
    return path


@pytest.mark.parametrize("again", ["driver=pluto,uri=ip:a", "uri=ip:a, driver=pluto"])
def test_two_nodes_with_one_address_are_refused_and_both_named(tmp_path: Path, again: str) -> None:
    path = bench_of(tmp_path, "driver=pluto,uri=ip:a", "driver=pluto,uri=ip:b", again)
    with pytest.raises(ConfigError, match="node 0 and node 2 have one address"):
        load_config(path)


def test_the_receiver_may_be_a_node(tmp_path: Path) -> None:
    load_config(bench_of(tmp_path, "driver=pluto,uri=ip:r"))


def test_records_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Config().run.rounds = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["receiver.synchronizer=gnuradio", "radio.has_hardware_time=false"], "have no preamble"),
        (["receiver.synchronizer=gnuradio", "radio.processes=true", "clients.count=2"], "cyclic"),
        (["radio.processes=true", "clients.count=5"], "has 4 inputs"),
        (
            [
                "radio.processes=true",
                "radio.receiver=driver=pluto,uri=ip:x",
                'radio.nodes=["driver=pluto,uri=ip:y"]',
                "clients.count=1",
            ],
            "starts simulated radios",
        ),
        (["receiver.synchronizer=matlab"], "'numpy' or 'gnuradio'"),
    ],
)
def test_what_gnuradio_cannot_do_is_refused(settings: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(None, settings)


@pytest.mark.parametrize(
    "setting",
    [
        "run.rounds=" + "[" * 5000,
        "run.rounds=" + "9" * 5000,
        "run.rounds=0x" + "f" * 5000,
        "radio.tx_gain_db=nan",
        "radio.rx_gain_db=inf",
        "calibration.full_scale_dbm=-inf",
        "zo.weight_decay=inf",
        "link.abstention_limit=inf",
        "radio.lead_s=1e4",
        "radio.sample_rate_hz=1e308",
        "radio.lead_s=1e308",
    ],
)
def test_numbers_that_no_bench_has_are_refused_in_a_sentence(setting: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as wrong:
        load_config(None, [setting])
    assert len(str(wrong.value)) < 1000
    table, _, rest = setting.partition(".")
    (tmp_path / "bench.toml").write_text(f"[{table}]\n{rest}\n")
    with pytest.raises(ConfigError):
        load_config(tmp_path / "bench.toml")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["frame.symbols=3"], "frame.symbols a multiple of zo.local_steps"),
        (["frame.symbols=4", "zo.directions_per_step=2"], "zo.directions_per_step = 2"),
        (["frame.symbols=4", "zo.rule=hiso"], "its curvature follows broadcasts"),
        (["frame.symbols=4", "privacy.protect=record"], "no clip bounds what that does"),
    ],
)
def test_local_steps_that_cannot_be_had_are_refused(settings: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(None, ["zo.local_steps=2", *settings])


def test_numbers_of_a_promise_may_share_a_frame() -> None:
    for protect in ("record", "client"):
        load_config(None, [f"privacy.protect={protect}", "frame.symbols=16"])


PROMPT = ["data.task=mine", "data.verbaliser={'0' = 'bad', '1' = 'good'}"]
FILES = ["data.train=a.tsv", "data.held_out=b.tsv"]


@pytest.mark.parametrize("settings", [[], ["data.columns=['label', 'sentence']"]])
def test_prompts_that_fit_are_taken(settings: list[str]) -> None:
    load_config(None, [*PROMPT, 'data.template="{sentence} {{so}} It was"', *FILES, *settings])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["data.template='{sentence It was'"], "expected '}' before end of string"),
        (["data.template='} It was'"], "a brace of the text is doubled"),
        (["data.template='{} It was'"], "the name of a column in braces and nothing else"),
        (["data.template='{sentence:d}'"], "the name of a column in braces and nothing else"),
        (["data.template='{sentence!r}'"], "the name of a column in braces and nothing else"),
        (["data.template='{a.__class__}'"], "the name of a column in braces and nothing else"),
        (["data.template='{a[0]}'"], "the name of a column in braces and nothing else"),
        (["data.template='It was'"], "names no column"),
        (
            ["data.template='{a} It was'", "data.verbaliser={'0' = 'good', '1' = ' good'}"],
            "each label needs words of its own",
        ),
        (["data.template='{a} It was'", "data.verbaliser={'0' = 'bad'}"], "at least 2"),
        (["data.template='{a} It was'", "data.verbaliser={'0' = '{', '1' = 'x'}"], "verbaliser.0"),
        (["data.template='{a}'", *FILES, "data.columns=['a', 'b']"], "has no 'label'"),
        (["data.template='{a}'", *FILES, "data.columns=['b', 'label']"], "has no 'a'"),
        (["data.template='{a}'", "data.label_column=''"], "label_column"),
    ],
)
def test_prompts_that_no_example_fits_are_refused_when_the_config_is_read(
    settings: list[str], words: str
) -> None:
    with pytest.raises(ConfigError) as wrong:
        load_config(None, [*PROMPT, *settings])
    assert words in str(wrong.value)


def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_bytes(b"\xef\xbb\xbf[run]\nrounds = 7\n")
    assert load_config(path).run.rounds == 7


@pytest.mark.parametrize("setting", ["radio.tx_gain_db=nan", "link.max_cfo_hz=inf"])
def test_numbers_are_finite(setting: str) -> None:
    with pytest.raises(ConfigError, match="it should be a finite number"):
        load_config(None, [setting])


def test_a_carrier_below_half_the_sample_rate_is_refused() -> None:
    with pytest.raises(ConfigError, match="would lie below 0 Hz"):
        load_config(None, ["radio.center_freq_hz=499e3"])
    load_config(None, ["radio.center_freq_hz=500e3"])


def test_the_band_holds_what_oscillators_may_be_off(tmp_path: Path) -> None:
    bench, half_hz = bench_of(tmp_path, "driver=pluto,uri=ip:a"), 1e6
    rate = f"radio.sample_rate_hz={2 * half_hz - 2 * 60e3}"
    load_config(bench, [rate, "link.max_cfo_hz=60e3"])
    with pytest.raises(ConfigError, match=r"913.999 to 916.001 MHz .* in no \[\[band\]\]"):
        load_config(bench, [rate, "link.max_cfo_hz=61e3"])


BAND_SETTINGS = ["band.0.low_hz=914e6", "band.0.high_hz=916e6", "band.1.low_hz=868e6"]


def test_bands_are_set_by_their_number(tmp_path: Path) -> None:
    config = load_config(None, [*BAND_SETTINGS, "band.1.high_hz=870e6"])
    assert [(band.low_hz, band.high_hz) for band in config.band] == [(914e6, 916e6), (868e6, 870e6)]
    file = tmp_path / "bench.toml"
    file.write_text("[[band]]\nlow_hz = 1e9\nhigh_hz = 2e9\n")
    (one,) = load_config(file, ["band.0.max_duty_cycle=0.01"]).band
    assert (one.low_hz, one.max_duty_cycle) == (1e9, 0.01)
    assert changed_config(config, ["band.1.high_hz=871e6"]).band[1].high_hz == 871e6


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("band.1.low_hz=914e6", "write a number, 0, for '1'"),
        ("band.low_hz=914e6", "write a number, 0, for 'low_hz'"),
        ("band.-1.low_hz=914e6", "write a number, 0, for '-1'"),
        ("band.0=3", "band.0 = 3: "),
        ("band.0.low_hz=914e6", "band.0.high_hz"),
        ("band.0.low_hz.x=3", "band.0.low_hz"),
        ("run.rounds.0=3", "run.rounds"),
    ],
)
def test_a_band_that_is_none_is_one_sentence(setting: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_config(None, [setting])
