"""Draw the flowgraphs as GNU Radio Companion shows them, into docs/; no display is needed.

python docs/flowgraph_pictures.py      (needs Debian's xvfb and gir1.2-gtk-3.0)
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HOME = Path(__file__).resolve().parent


def draw_and_quit(files: list[str]) -> None:
    """Open GNU Radio Companion with a flowgraph, let it draw that into a file, and leave."""
    from gi.repository import GLib  # noqa: PLC0415
    from gnuradio import gr  # noqa: PLC0415
    from gnuradio.grc.gui import Utils  # noqa: PLC0415
    from gnuradio.grc.gui.Application import Application  # noqa: PLC0415
    from gnuradio.grc.gui.Platform import Platform  # noqa: PLC0415 - it must come first

    flowgraph, picture = files
    versions = (gr.major_version(), gr.api_version(), gr.minor_version())
    platform = Platform(
        version=gr.version(),
        version_parts=versions,
        prefs=gr.prefs(),
        install_prefix=gr.prefix(),
    )
    platform.build_library()
    application = Application([flowgraph], platform)

    def draw() -> bool:
        if application.main_window is None or application.main_window.current_page is None:
            return True  # not yet
        page = application.main_window.current_page
        page.flow_graph.update()
        Utils.make_screenshot(page.flow_graph, picture)
        os._exit(0)

    GLib.timeout_add(500, draw)
    application.run([])


def main() -> None:
    """Draw all of them."""
    from ota_flowgraphs import compile as compiled  # noqa: PLC0415
    from ota_flowgraphs.process import PYTHON  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        environment = compiled.companion_environment(Path(folder))
        environment["HOME"] = folder  # the person's own settings are none of its business
        for flowgraph in sorted(compiled.HOME.glob("*.grc")):
            picture = HOME / f"flowgraph-{flowgraph.stem}.png"
            command = ["xvfb-run", "-a", PYTHON, "-s", __file__, str(flowgraph), str(picture)]
            subprocess.run(command, env=environment, check=True, timeout=100)
            print(picture)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        draw_and_quit(sys.argv[1:])
    main()
