#!/usr/bin/env bash
# Install sdr-ota from this checkout on a machine that is lent (Debian 12, Ubuntu 24.04, Raspberry
# Pi OS 12; root or sudo), with drivers for Plutos and USRPs:
#
#     examples/labs/install.sh /opt/sdr-ota    # then: /opt/sdr-ota/bin/sdr-ota doctor
#
# GNU Radio, the tests and the documentation are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=$1

scripts/need-debian.sh python3 python3-venv libiio0 libiio-utils \
  python3-soapysdr soapysdr-tools libsoapysdr-dev g++ soapysdr-module-uhd uhd-host
# The environment sees Debian's Python packages: SoapySDR's is one of them.
[ -x "$environment/bin/python" ] || /usr/bin/python3 -m venv --system-site-packages "$environment"
scripts/install-torch.sh "$environment/bin/python"
# The environment's own numpy and scipy, whatever Debian's are.
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
  "numpy>=2" "scipy>=1.13" ".[llm,privacy,pluto,cluster]"
