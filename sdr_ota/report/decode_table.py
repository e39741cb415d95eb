"""What was found in a recording, as lines."""

from collections.abc import Iterator

from sdr_ota.runs.found_frames import Findings

MOST_FRAMES = 50
"""That are listed one by one."""


def findings_lines(found: Findings) -> Iterator[str]:
    """Yield level, clipping and every preamble."""
    duration_s = found.n_samples / found.sample_rate_hz
    level, rate_mhz = found.level, found.sample_rate_hz / 1e6
    yield f"{found.n_samples} samples, {duration_s:.6g} s at {rate_mhz:g} MHz"
    yield (
        f"power {level.power_dbfs:.1f} dBFS, peak {level.peak:.3f} of full scale, "
        f"{100 * level.clipped_share:.3g} % clipped, DC {level.dc_dbfs:.1f} dBFS"
    )
    yield f"{len(found.frames)} preambles"
    for frame in found.frames[:MOST_FRAMES]:
        yield (
            f"  at {frame.start_s:.6f} s: offset {frame.cfo_hz:+.1f} Hz, "
            f"{frame.power_dbfs:.1f} dBFS, metric {frame.metric:.3f}"
        )
    if len(found.frames) > MOST_FRAMES:
        yield f"  and {len(found.frames) - MOST_FRAMES} more"
