"""What grcc makes of the flowgraphs; never edited by hand.

A flowgraph that is started with ``python -m`` refuses in a sentence.
"""

import sys

from ota_flowgraphs.failure import print_refusal

sys.excepthook = print_refusal
