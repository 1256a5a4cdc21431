"""``huiyan serve``.

Owns: the command's options and what it prints at start. Has no opinion on: how requests are
answered.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from rich.console import Console

from huiyan.app import build_application, prepare_installation
from huiyan.gateway.server import check_bind, open_socket
from huiyan.gateway.server import serve as run_server
from huiyan.iam.model import FirstStart
from huiyan.kernel.settings import Settings, override_settings

_out = Console()


@click.command(short_help="Start the service · 启动服务")
@click.option("--host", help="Address to listen on. 监听地址。[127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port, 0 for any. 端口。[8686]")
@click.option("--processes", type=click.IntRange(1, 256), help="Processes. 进程数。[1]")
@click.option(
    "--tls-cert", type=click.Path(exists=True, path_type=Path), help="TLS certificate. TLS 证书。"
)
@click.option("--tls-key", type=click.Path(exists=True, path_type=Path), help="Its key. 证书私钥。")
@click.option(
    "--insecure-http",
    is_flag=True,
    default=None,
    help="Allow clear text beyond loopback (TLS proxy in front). 允许非本机明文访问。",
)
@click.pass_obj
def serve(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    host: str | None,
    port: int | None,
    processes: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure_http: bool | None,
) -> None:
    """Start the service.

    启动服务。
    """
    settings = override_settings(
        settings,
        {
            "host": host,
            "port": port,
            "processes": processes,
            "tls_cert": tls_cert,
            "tls_key": tls_key,
            "insecure_http": insecure_http,
        },
    )
    check_bind(settings)
    # The port first: an account whose secret nobody gets to see would be worse than none.
    with open_socket(settings) as listening:
        first = prepare_installation(settings)
        if first is not None:
            _show_first_start(first)
        address, port_bound = listening.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        scheme = "http" if settings.tls_cert is None else "https"
        line = f"Huiyan 慧眼 {scheme}://{shown}:{port_bound}  (/docs, /healthz, /readyz, /metrics)"
        _out.print(line, markup=False, soft_wrap=True)
        run_server(settings, partial(build_application, settings), listening)


def _show_first_start(first: FirstStart) -> None:
    """Show the secret once; plain lines, so that nothing is cut or framed when it is copied."""
    lines = [
        "First start: an account was created. Keep the secret now; it is not shown again.",
        "首次启动：已创建账号。请立即保存密钥，之后不再显示。",
        "",
        f"  Access key (AK)     {first.key.access_key}",
        f"  Secret key (SK)     {first.key.secret_key}",
    ]
    lines += [f"  Project {project.name:<11} {project.id}" for project in first.projects]
    _out.print("\n".join([*lines, ""]), highlight=False, markup=False, soft_wrap=True)
