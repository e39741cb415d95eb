#!/usr/bin/env bash
# Make .venv ready: Debian packages, CPU or CUDA build of PyTorch, this project.
# Does nothing when neither the scripts nor pyproject.toml changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3 # Debian's own: SoapySDR and GNU Radio live beside it
stamp=.venv/.ready
wanted=$(cat pyproject.toml scripts/*.sh | sha256sum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

scripts/need-debian.sh python3 python3-venv libiio0 libiio-utils \
  python3-soapysdr soapysdr-tools libsoapysdr-dev g++ gnuradio stterm gir1.2-gtk-3.0 \
  python3-scipy python3-zmq python3-pytest
[ -x .venv/bin/python ] || "$python" -m venv --system-site-packages .venv
pip=".venv/bin/python -m pip install --quiet --disable-pip-version-check"
echo "setup: installing Python packages into .venv (about a minute the first time)"
scripts/install-torch.sh .venv/bin/python
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
