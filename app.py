"""The page: `python app.py`. Settings, the page, launch; the helper starts once the page is served."""

from __future__ import annotations

from compressor.settings import Settings, prepare_environ
from compressor.system.garbage import collect_rarely

prepare_environ()  # before gradio is imported: it reads the environment at import
collect_rarely()


def main() -> None:
    """Serve the page until it is stopped."""
    from compressor import logs
    from compressor.ui.page import build, launch_options
    from compressor.ui.services import Services

    settings = Settings.from_environ()
    logs.set_up(settings)
    services = Services(settings)
    page = build(services)
    options = launch_options(settings, services)
    _, url, _ = page.launch(prevent_thread_lock=True, **options)
    print(f"Compressor is at {url}", flush=True)
    services.warm()
    try:
        page.block_thread()
    finally:
        services.close()


if __name__ == "__main__":
    main()
