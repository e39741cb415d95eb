"""Time of a zeroth-order step, beside its two forward passes, MeZO, and the memory floor.

OPT-125M shape with random weights. All ways share one forward pass: hidden states, then the
logits of two label tokens at the last position. Measured in turns, so that a change of the
machine's load meets all of them; the ratios are what counts.

- forward: one forward pass.
- ours: probe plus, probe minus, update: `perturbed` twice and `apply_update` once.
- stochastic pass: an update with stochastic rounding; in fp32 it is an ordinary one.
- MeZO: the procedure written out from Algorithm 1 of Malladi et al., "Fine-tuning language
  models with just forward passes", NeurIPS 2023: a Gaussian tensor per parameter from
  torch's global generator, theta + eps z, theta - 2 eps z, theta + eps z, update.
- floor: every weight read and written once in place by torch.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import rows
import torch
import transformers

from zo_core.directions.rounding import RoundingNoise
from zo_core.directions.steps import Step, add_step, placements
from zo_core.probing.perturbation import perturbed
from zo_core.stepping.update import apply_update

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LABELS = torch.tensor([1234, 4321])
SCALE = 2.0**-10
Work = Callable[[], object]

BESIDE = (
    ("our step", "two forward passes"),
    ("our step", "MeZO step"),
    ("update pass", "floor"),
    ("probe pass", "floor"),
    ("update pass", "MeZO pass"),
    ("stochastic pass", "update pass"),
)


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads or torch.get_num_threads())
    for name in options.dtypes:
        model = build(options.layers, DTYPES[name], options.device)
        token_ids = torch.randint(10, 50000, (options.examples, options.tokens))
        times = measure(model, token_ids.to(options.device), options.repeats)
        report(name, model, times, options)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=["fp32", "bf16"])
    parser.add_argument("--examples", type=int, default=16, help="examples a batch")
    parser.add_argument("--tokens", type=int, default=64, help="tokens an example")
    parser.add_argument("--layers", type=int, default=12, help="decoder layers; OPT-125M has 12")
    parser.add_argument("--repeats", type=int, default=7, help="turns; medians are reported")
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0 leaves them")
    parser.add_argument("--device", default="cpu", help="where the weights live: cpu, cuda")
    return rows.parsed(parser, dtypes=["fp32"], examples=4, layers=2)


def build(n_layers: int, dtype: torch.dtype, device: str) -> torch.nn.Module:
    torch.manual_seed(0)
    config = transformers.OPTConfig(num_hidden_layers=n_layers)
    return transformers.OPTForCausalLM(config).to(device, dtype).eval()


def label_logits(model: torch.nn.Module, token_ids: torch.Tensor) -> torch.Tensor:
    hidden = model.model(token_ids, use_cache=False).last_hidden_state[:, -1]
    return hidden @ model.get_output_embeddings().weight[LABELS.to(hidden.device)].T


def our_step(model: torch.nn.Module, forward: Work) -> None:
    for scale in (SCALE, -SCALE):
        with perturbed(model, 7, scale):
            forward()
    apply_update(model, 7, 1e-7)


def mezo_walk(model: torch.nn.Module, factor: float) -> None:
    torch.manual_seed(7)
    for parameter in model.parameters():
        noise = torch.normal(
            mean=0, std=1, size=parameter.shape, device=parameter.device, dtype=parameter.dtype
        )
        parameter.data = parameter.data + factor * noise


def mezo_step(model: torch.nn.Module, forward: Work) -> None:
    mezo_walk(model, SCALE)
    forward()
    mezo_walk(model, -2 * SCALE)
    forward()
    mezo_walk(model, SCALE)
    mezo_walk(model, 1e-7)


def probe_pass(model: torch.nn.Module) -> None:
    """Make every perturbed weight once, in scratch memory, as a probe does."""
    scratch = torch.empty(1 << 22, dtype=model.dtype, device=model.device)
    step = Step(7, SCALE)
    for placement in placements(model):
        flat = placement.parameter.detach().view(-1)
        for first in range(0, flat.numel(), scratch.numel()):
            part = flat[first : first + scratch.numel()]
            add_step(scratch[: part.numel()], part, placement.start + first, step)


def floor_pass(model: torch.nn.Module) -> None:
    for parameter in model.parameters():
        parameter.detach().mul_(1.0)


def measure(
    model: torch.nn.Module, token_ids: torch.Tensor, repeats: int
) -> dict[str, list[float]]:
    def forward() -> torch.Tensor:
        return label_logits(model, token_ids)

    works: dict[str, Work] = {
        "floor": lambda: floor_pass(model),
        "probe pass": lambda: probe_pass(model),
        "update pass": lambda: apply_update(model, 7, 1e-7),
        "stochastic pass": lambda: apply_update(model, 7, 1e-7, noise=RoundingNoise(1)),
        "MeZO pass": lambda: mezo_walk(model, 1e-7),
        "forward": forward,
        "our step": lambda: our_step(model, forward),
        "MeZO step": lambda: mezo_step(model, forward),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    with torch.inference_mode():
        for turn, (name, work) in itertools.product(range(repeats + 1), works.items()):
            elapsed = seconds(work, token_ids.device)
            if turn:  # the first turn warms caches up and compiles
                times[name].append(elapsed)
    return times


def seconds(work: Work, device: torch.device) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def report(
    dtype: str,
    model: torch.nn.Module,
    times: dict[str, list[float]],
    options: argparse.Namespace,
) -> None:
    n_weights = sum(parameter.numel() for parameter in model.parameters())
    n_bytes = n_weights * DTYPES[dtype].itemsize
    print(
        f"\n{dtype}, {n_weights / 1e6:.1f} M weights, batch {options.examples} x "
        f"{options.tokens} tokens, {torch.get_num_threads()} threads, {options.device}, "
        f"median (least) of {options.repeats}"
    )
    for name, values in times.items():
        rate = f"{2 * n_bytes / statistics.median(values) / 1e9:6.1f} GB/s"
        print(
            f"  {name:15s} {1e3 * statistics.median(values):9.1f} ({1e3 * min(values):.1f}) ms"
            f"  {rate if name.endswith(('pass', 'floor')) else ''}"
        )
    for name, above, below in [
        ("our step / two forward passes", "our step", "forward"),
        ("MeZO step / two forward passes", "MeZO step", "forward"),
    ]:
        print(f"  {name:32s} {ratio(times[above], times[below]) / 2:6.3f}")
    walks = [
        2 * probe + update
        for probe, update in zip(times["probe pass"], times["update pass"], strict=True)
    ]
    print(f"  {'our passes / two forward passes':32s} {ratio(walks, times['forward']) / 2:6.3f}")
    for name in ("probe pass", "update pass", "MeZO pass"):
        print(f"  {name + ' / floor':32s} {ratio(times[name], times['floor']):6.2f}")
    setting = f"{dtype}, {options.layers} layers, {options.examples} x {options.tokens} tokens"
    paired = times | {"two forward passes": [2 * value for value in times["forward"]]}
    medians = {name: statistics.median(values) for name, values in paired.items()}
    for what, peer in BESIDE:
        pairs = rows.ratios(paired[what], paired[peer])
        rows.emit(rows.Row(what, medians[what], peer, medians[peer], "s", setting, pairs))


def ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


if __name__ == "__main__":
    main()
