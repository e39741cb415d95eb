"""Peak memory of one step: inference, ours, MeZO, first order; a fresh process for each.

OPT-125M shape with random weights. The number is the peak resident memory of the process
above what it held before the model was built (libraries loaded, kernels compiled). The loss
scores two label tokens at the last position; "usual loss" scores the whole vocabulary at
every position, as `model(token_ids, labels=token_ids)` does. "4 a pass" lets four examples at a
time through the model, which computes the same (`model.examples_per_pass`). "LoRA" lets adapters of
rank 8 learn beside the frozen model, "int8 base" holds its linear layers in 8 bits besides
(`model.base_precision`); how much the rounding changes the loss is printed where both are measured.

glibc keeps freed blocks of a size it has learned to expect, which blurs a peak by up to 20 MiB
from one process to the next. All steps run with that habit switched off (a fixed
MALLOC_MMAP_THRESHOLD_ of 1 MiB): what is counted is what the step needs.
"""

import argparse
import copy
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import rows
import torch
import transformers

from zo_core.language.head import plain_model
from zo_core.language.int8_base import with_int8_base
from zo_core.language.own_logits import PROMPTS
from zo_core.language.small_opt import SmallOptRecipe, build_tokenizer
from zo_core.language.trainable import with_lora
from zo_core.probing.perturbation import perturbed
from zo_core.stepping.update import apply_update

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LABELS = torch.tensor([1234, 4321])
SCALE = 2.0**-10
EXAMPLES_PER_PASS = 4
LORA_RANK = 8


def label_losses(model: torch.nn.Module, token_ids: torch.Tensor) -> torch.Tensor:
    plain = plain_model(model)
    hidden = plain.model(token_ids, use_cache=False).last_hidden_state[:, -1]
    logits = hidden @ plain.get_output_embeddings().weight[LABELS].T
    labels = token_ids[:, 0] % 2
    return torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")


def label_loss(model: torch.nn.Module, token_ids: torch.Tensor) -> torch.Tensor:
    return label_losses(model, token_ids).mean()


def usual_loss(model: torch.nn.Module, token_ids: torch.Tensor) -> torch.Tensor:
    return model(token_ids, labels=token_ids, use_cache=False).loss


def inference(model: torch.nn.Module, token_ids: torch.Tensor) -> None:
    with torch.inference_mode():
        label_loss(model, token_ids)


def our_step(model: torch.nn.Module, token_ids: torch.Tensor) -> None:
    with torch.inference_mode():
        for scale in (SCALE, -SCALE):
            with perturbed(model, 7, scale):
                label_loss(model, token_ids)
    apply_update(model, 7, 1e-7)


def our_step_in_parts(model: torch.nn.Module, token_ids: torch.Tensor) -> None:
    with torch.inference_mode():
        for scale in (SCALE, -SCALE):
            with perturbed(model, 7, scale):
                for part in token_ids.split(EXAMPLES_PER_PASS):
                    label_loss(model, part)
    apply_update(model, 7, 1e-7)


def mezo_walk(model: torch.nn.Module, factor: float) -> None:
    torch.manual_seed(7)
    for parameter in model.parameters():
        noise = torch.normal(mean=0, std=1, size=parameter.shape, dtype=parameter.dtype)
        parameter.data = parameter.data + factor * noise


def mezo_step(model: torch.nn.Module, token_ids: torch.Tensor) -> None:
    with torch.inference_mode():
        mezo_walk(model, SCALE)
        usual_loss(model, token_ids)
        mezo_walk(model, -2 * SCALE)
        usual_loss(model, token_ids)
        mezo_walk(model, SCALE)
        mezo_walk(model, 1e-7)


def first_order(
    optimizer_of: Callable[[torch.nn.Module], torch.optim.Optimizer],
    loss_of: Callable[[torch.nn.Module, torch.Tensor], torch.Tensor],
) -> Callable[[torch.nn.Module, torch.Tensor], None]:
    def step(model: torch.nn.Module, token_ids: torch.Tensor) -> None:
        optimizer = optimizer_of(model)
        for _ in range(2):  # the state of AdamW exists from the second step on
            optimizer.zero_grad()
            loss_of(model, token_ids).backward()
            optimizer.step()

    return step


def sgd(model: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=1e-6)


def adamw(model: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)


def beside_lora(model: torch.nn.Module) -> torch.nn.Module:
    return with_lora(model, LORA_RANK)


def beside_lora_in_int8(model: torch.nn.Module) -> torch.nn.Module:
    tokenizer = build_tokenizer(PROMPTS, SmallOptRecipe(min_word_count=1))
    return with_int8_base(beside_lora(model), tokenizer)


STEPS: dict[str, Callable[[torch.nn.Module, torch.Tensor], None]] = {
    "inference": inference,
    "ours": our_step,
    f"ours, {EXAMPLES_PER_PASS} a pass": our_step_in_parts,
    "MeZO, usual loss": mezo_step,
    "SGD": first_order(sgd, label_loss),
    "AdamW": first_order(adamw, label_loss),
    "SGD, usual loss": first_order(sgd, usual_loss),
    "AdamW, usual loss": first_order(adamw, usual_loss),
    "ours, LoRA": our_step,
    "ours, LoRA, int8 base": our_step,
    "AdamW, LoRA": first_order(adamw, label_loss),
}
ADAPTED: dict[str, Callable[[torch.nn.Module], torch.nn.Module]] = {
    "ours, LoRA": beside_lora,
    "ours, LoRA, int8 base": beside_lora_in_int8,
    "AdamW, LoRA": beside_lora,
}
"""What is done to the model before a step that does not move all of it."""


def main() -> None:
    options = parsed()
    if options.measure:
        print(peak_mib(options))
        return
    for dtype in options.dtypes:
        peaks = {
            step: statistics.median(
                in_fresh_process(step, dtype, options) for _ in range(options.repeats)
            )
            for step in options.steps
        }
        report(dtype, peaks, options)
        if "ours, LoRA, int8 base" in peaks:
            print(f"  int8 base: {change_of_loss(dtype, options)}")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=["fp32", "bf16"])
    parser.add_argument("--examples", type=int, default=16, help="examples a batch")
    parser.add_argument("--tokens", type=int, default=64, help="tokens an example")
    parser.add_argument("--layers", type=int, default=12, help="decoder layers; OPT-125M has 12")
    parser.add_argument("--repeats", type=int, default=3, help="processes a step; median reported")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS), metavar="STEP")
    parser.add_argument("--measure", choices=STEPS, help="measure one step in this process, in MiB")
    return rows.parsed(
        parser,
        dtypes=["fp32"],
        layers=2,
        repeats=1,
        steps=["inference", "ours", "ours, LoRA, int8 base", "AdamW"],
    )


def in_fresh_process(step: str, dtype: str, options: argparse.Namespace) -> float:
    shape = [f"--{name}={getattr(options, name)}" for name in ("examples", "tokens", "layers")]
    command = [sys.executable, __file__, "--measure", step, "--dtypes", dtype, *shape]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
    finished = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(finished.stdout)


def peak_mib(options: argparse.Namespace) -> float:
    prepare = ADAPTED.get(options.measure, lambda model: model)
    small = prepare(build(1, torch.float32, 64))
    STEPS[options.measure](small, torch.ones((2, 4), dtype=torch.int64))
    del small
    before = status_mib("VmRSS")
    model = prepare(build(options.layers, DTYPES[options.dtypes[0]], 768))
    token_ids = torch.randint(10, 50000, (options.examples, options.tokens))
    Path("/proc/self/clear_refs").write_text("5")  # start the peak anew, without the building
    STEPS[options.measure](model, token_ids)
    return status_mib("VmHWM") - before


def change_of_loss(dtype: str, options: argparse.Namespace) -> str:
    """Say how far rounding the base moves the losses of examples, beside how far they lie apart."""
    torch.manual_seed(1)
    model = build(options.layers, DTYPES[dtype], 768)
    token_ids = torch.randint(10, 50000, (options.examples, options.tokens))
    found = []
    for prepare in (beside_lora, beside_lora_in_int8):
        prepared = prepare(copy.deepcopy(model))
        with torch.inference_mode():
            found.append(label_losses(prepared, token_ids))
    before, after = found
    return (
        f"mean loss {before.mean():.5f} -> {after.mean():.5f}; losses of examples move by "
        f"{(after - before).square().mean().sqrt():.5f} rms and lie {before.std():.5f} apart"
    )


def build(n_layers: int, dtype: torch.dtype, width: int) -> torch.nn.Module:
    torch.set_default_dtype(dtype)
    config = transformers.OPTConfig(
        num_hidden_layers=n_layers,
        hidden_size=width,
        word_embed_proj_dim=width,
        ffn_dim=4 * width,
        num_attention_heads=width // 64,
    )
    model = transformers.OPTForCausalLM(config).eval()
    torch.set_default_dtype(torch.float32)
    return model


def status_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def report(dtype: str, peaks: dict[str, float], options: argparse.Namespace) -> None:
    print(
        f"\n{dtype}, {options.layers} layers, batch {options.examples} x {options.tokens} "
        f"tokens, median of {options.repeats} processes"
    )
    references = [step for step in ("inference", "AdamW", "AdamW, usual loss") if step in peaks]
    print(f"  {'step':22s} {'peak MiB':>9s}" + "".join(f"  / {name}" for name in references))
    for step, peak in peaks.items():
        ratios = (f"{peak / peaks[name]:{len(name) + 4}.3f}" for name in references)
        print(f"  {step:22s} {peak:9.0f}" + "".join(ratios))
    setting = f"{dtype}, {options.layers} layers, {options.examples} x {options.tokens} tokens"
    for ours in (step for step in peaks if step.startswith("ours")):
        for peer in (step for step in peaks if not step.startswith("ours")):
            rows.emit(rows.Row(ours, peaks[ours], peer, peaks[peer], "MiB", setting))


if __name__ == "__main__":
    main()
