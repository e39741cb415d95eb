#!/usr/bin/env bash
# Install PyTorch into the environment of a Python.
#
#     scripts/install-torch.sh .venv/bin/python
#
# A machine without a GPU gets the CPU build, by its exact local version, so that
# the default wheel with its gigabytes of CUDA can never be chosen by accident.
# The PyTorch project publishes CPU builds on its own index only.
set -euo pipefail
torch=2.13.0
pip="$1 -m pip install --quiet --disable-pip-version-check"

if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
  $pip "torch==$torch"
else
  $pip "torch==$torch+cpu" 2>/dev/null ||
    $pip --extra-index-url https://download.pytorch.org/whl/cpu "torch==$torch+cpu"
fi
