"""The page: `python app.py`. Settings, the page, its server; the helper starts once the page is served."""

from __future__ import annotations

import signal
import sys

from compressor.settings import Settings, prepare_environ
from compressor.system.garbage import collect_rarely

prepare_environ()  # before gradio is imported: it reads the environment at import
collect_rarely()


def main() -> None:
    """Serve the page until it is stopped."""
    from compressor import logs
    from compressor.errors import CompressorError
    from compressor.ui.page import build
    from compressor.ui.server import serve
    from compressor.ui.services import Services

    # As Ctrl+C does: what is served ends in order. Without a handler the first process of a container would not end at all.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = Settings.from_environ()
        logs.set_up(settings)
        services = Services(settings)
        try:
            with serve(build(services), settings, services) as server:
                print(f"Compressor is at {server.url}", flush=True)
                services.warm()
                server.wait()
        finally:
            services.close()
    except CompressorError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
