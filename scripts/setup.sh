#!/usr/bin/env bash
# Make .venv ready: Debian packages, CPU or CUDA build of PyTorch, this project.
# Does nothing when neither the scripts nor pyproject.toml changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3 # Debian's own: SoapySDR and GNU Radio live beside it
torch=2.13.0
stamp=.venv/.ready
wanted=$(cat pyproject.toml scripts/*.sh | sha256sum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

# A machine without a GPU gets the CPU build, by its exact local version, so that
# the default wheel with its gigabytes of CUDA can never be chosen by accident.
# The PyTorch project publishes CPU builds on its own index only.
install_torch() {
  if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
    $pip "torch==$torch"
  else
    $pip "torch==$torch+cpu" 2>/dev/null ||
      $pip --extra-index-url https://download.pytorch.org/whl/cpu "torch==$torch+cpu"
  fi
}

scripts/need-debian.sh python3 python3-venv libiio0 libiio-utils \
  python3-soapysdr soapysdr-tools libsoapysdr-dev g++ gnuradio stterm gir1.2-gtk-3.0 \
  python3-scipy python3-zmq python3-pytest
[ -x .venv/bin/python ] || "$python" -m venv --system-site-packages .venv
pip=".venv/bin/python -m pip install --quiet --disable-pip-version-check"
echo "setup: installing Python packages into .venv (about a minute the first time)"
install_torch
# The environment's own numpy and scipy, whatever Debian's are.
$pip "numpy>=2" "scipy>=1.13"
$pip --editable ".[llm,privacy,pluto,gnuradio,cluster,parquet,hdf5,tensorboard,docs,dev]"
# Flower holds back typer, rich and protobuf, and wants exactly one version of Ray: its tests run in
# an environment of its own.
echo "setup: installing Flower into .venv/flower"
[ -x .venv/flower/bin/python ] || "$python" -m venv .venv/flower
.venv/flower/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[flower]"
echo "$wanted" >"$stamp"
echo "setup: ready"
