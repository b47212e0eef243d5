"""``clinical up``: the asset graph in the browser."""

import os
import signal
import socket
import subprocess
import sys
import time

import click

from clinical_assets.errors import ClinicalError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, help="Port to listen on.")
def up(host: str, port: int) -> None:
    """Start Dagster's web server and daemon on this store; stop with Ctrl-C.

    The web server has no log-in of its own: leave it on 127.0.0.1 (the default) unless something
    that authenticates stands before it.
    """
    from resources.dagster_instance.home import dagster_instance
    from resources.ledger import open_ledger
    from resources.settings import Settings, project_root
    from resources.starting import look_into_interrupted

    _require_free_port(host, port)
    settings = Settings.load()
    with dagster_instance(settings) as instance:
        # Made here, once, before two servers start; and a ledger that refuses is said here.
        open_ledger(settings).store.head()
        look_into_interrupted(settings, instance)
    workspace = project_root() / "workspace.yaml"
    named = workspace.is_file()
    code = ["-w", str(workspace)] if named else ["-m", "clinical_assets.definitions"]
    environment = {**os.environ, "DAGSTER_HOME": str(settings.dagster_home)}
    web = [sys.executable, "-m", "dagster_webserver", *code, "-h", host, "-p", str(port)]
    daemon = [sys.executable, "-m", "dagster._daemon", "run", *code]
    click.echo(f"Store: {settings.store}")
    click.echo(f"The asset graph opens at http://{host}:{port} in a few seconds. Ctrl-C stops it.")
    processes = [subprocess.Popen(command, env=environment) for command in (web, daemon)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while all(process.poll() is None for process in processes):
            time.sleep(0.3)
    except KeyboardInterrupt:
        pass
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
    failed = [process.returncode for process in processes if process.returncode not in (0, -15, -2)]
    if failed:
        raise ClinicalError(
            "The web server or the daemon stopped by itself",
            repair="Read its last lines above; another process may use the same store or port",
        )


def _require_free_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ClinicalError(
                f"Port {port} cannot be used ({error.strerror})",
                where=host,
                repair="Stop what listens there, or choose another with --port",
            ) from error
