#!/usr/bin/env python3
"""Set Huiyan up in this checkout and use it: ``run``, ``test`` or ``lock``.

Owns: the virtual environment ``.venv``, what is installed in it, and the order of the steps. Has no
opinion on: how models are fetched or pictures tagged; it calls the command ``huiyan`` for that.
Needs nothing but Python 3.11 or newer. Every step may be interrupted and run again.
"""

import contextlib
import fcntl
import hashlib
import importlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 -- this file also starts under older Pythons, to say so
    for _minor in (14, 13, 12, 11):
        _newer = shutil.which("python3.%d" % _minor)  # noqa: UP031 -- read by older Pythons
        if _newer and subprocess.call([_newer, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(_newer, [_newer, *sys.argv])  # noqa: S606 -- no shell is wanted
    sys.exit("Python 3.11 or newer is needed; install it and run this again · 需要 Python 3.11+")

USAGE = """\
python3 bootstrap.py run             set up, tag a sample picture · 安装并识别示例图片
python3 bootstrap.py test [PYTEST…]  set up, run every check and test · 安装并运行全部检查和测试
python3 bootstrap.py lock            write constraints.txt anew · 重新生成 constraints.txt
"""
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "huiyan-bootstrap.json"
CONSTRAINTS = ROOT / "constraints.txt"
NOT_PINNED = ("huiyan", "setuptools", "wheel")
CONSTRAINTS_HEADER = """\
# Exact versions of everything that huiyan[dev,postgresql] needs, resolved on Python 3.11.
# Written by: python3 bootstrap.py lock
"""
SAMPLE = "chelsea.png"
ASK_MODELS_DIR = """\
from huiyan.kernel.settings import load_settings
print(load_settings().resolved_models_dir())
"""
POSTGRESQL_FOLDERS = ("usr/lib/postgresql/*/bin/initdb", "usr/pgsql-*/bin/initdb")
APT_TIMEOUT_S = 300
INTERRUPTED_STATUS = 130


class SetUpError(Exception):
    """A step failed; the text says how to mend it, in both languages."""


def main(arguments: Sequence[str]) -> int:
    """Run one command of this script.

    Parameters
    ----------
    arguments : sequence of str
        The command, and for ``test`` what pytest is to be told.

    Returns
    -------
    int
        The exit status.
    """
    sys.stdout.reconfigure(errors="replace", line_buffering=True)  # type: ignore[union-attr]
    command, *rest = arguments or ["help"]
    if command not in {"run", "test", "lock"} or (rest and command != "test"):
        print(USAGE, end="")
        return 0 if command in {"help", "-h", "--help"} else 2
    try:
        if command == "run":
            return _run()
        if command == "test":
            return _test(rest)
        return _lock()
    except SetUpError as error:
        print(f"\nbootstrap: {error}", file=sys.stderr)
    except OSError as error:
        print(f"\nbootstrap: {error}; mend this and run again · 请解决后重试", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nbootstrap: interrupted; run again to go on · 已中断，重新运行即可继续")
        return INTERRUPTED_STATUS
    return 1


def _run() -> int:
    """Set up, tag the sample picture and tell how to start the service."""
    with _only_one():
        with _step("1/4", "Python environment", "Python 环境"):
            _make_environment()
        with _step("2/4", "Packages", "安装依赖"):
            _install("run")
        with _step("3/4", "Models, verified by SHA-256", "模型（SHA-256 校验）"):
            _pull_models()
    with _step("4/4", "Tags of a sample picture", "识别示例图片"):
        _tag_sample()
    command = shlex.quote(str(_program("huiyan")))
    print("\nReady. Start the service; the first start prints your access key:")
    print("就绪。启动服务，首次启动会显示访问密钥：\n")
    print(f"    {command} serve\n")
    print(f"Your own pictures · 识别自己的图片:  {command} tag PICTURE…")
    return 0


def _test(pytest_arguments: Sequence[str]) -> int:
    """Set up with what development needs, then run every check and the tests."""
    with _only_one():
        with _step("1/5", "Python environment", "Python 环境"):
            _make_environment()
        with _step("2/5", "Packages for development", "安装开发依赖"):
            _install("test")
        with _step("3/5", "PostgreSQL programs, optional", "PostgreSQL 程序（可选）"):
            _offer_postgresql()
        with _step("4/5", "Models, verified by SHA-256", "模型（SHA-256 校验）"):
            _pull_models()
    with _step("5/5", "Checks and tests", "检查与测试"):
        outcomes = [_check(command) for command in _check_commands(pytest_arguments)]
    print("\nResults · 结果")
    for name, passed, seconds in outcomes:
        print(f"  {'pass · 通过' if passed else 'FAIL · 失败'}  {seconds:7.1f} s  {name}")
    return 0 if all(passed for _name, passed, _seconds in outcomes) else 1


def _lock() -> int:
    """Resolve all dependencies anew in a throw-away environment and write constraints.txt."""
    if sys.version_info[:2] != (3, 11):
        raise SetUpError(
            "lock needs Python 3.11, the oldest supported · lock 须用 Python 3.11 运行"
        )
    with tempfile.TemporaryDirectory(prefix="huiyan-lock-") as folder:
        python = str(Path(folder, "bin", "python"))
        with _step("1/1", "All dependencies, resolved anew", "重新解析全部依赖"):
            _create_environment(Path(folder))
            _call([*_pip(python), "--upgrade", "pip"], "pip failed, see above", "pip 失败，见上")
            _call([*_pip(python), ".[dev,postgresql]"], "pip failed, see above", "pip 失败，见上")
        left_out = [word for name in NOT_PINNED for word in ("--exclude", name)]
        frozen = _output([python, "-m", "pip", "freeze", "--all", *left_out])
    _write_whole(CONSTRAINTS, CONSTRAINTS_HEADER + frozen)
    print(f"{CONSTRAINTS}: {len(frozen.splitlines())} versions")
    return 0


def _make_environment() -> None:
    """Create ``.venv``, or keep the one that is whole and fits this Python and this folder."""
    wanted = {"root": str(ROOT), "python": "{}.{}".format(*sys.version_info), "whole": True}
    known = _read_stamp()
    if VENV.exists():
        fits = all(known.get(name) == value for name, value in wanted.items())
        if fits and _succeeds([str(_program("python")), "-c", "import pip, ssl"]):
            print("      kept · 保留")
            return
        if not known and any(VENV.iterdir()):
            raise SetUpError(
                f"{VENV} was not made by this script: rename or remove it and run again · "
                "该目录不是本脚本创建的，请改名或删除后重试"
            )
        print("      made anew: unfinished, moved, or of another Python · 重建")
    VENV.mkdir(exist_ok=True)
    _write_whole(STAMP, json.dumps(wanted | {"whole": False}))
    for path in VENV.iterdir():  # the stamp stays, so that an interruption here leaves it ours
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != STAMP:
            path.unlink()
    _create_environment(VENV)
    _write_whole(STAMP, json.dumps(wanted))


def _create_environment(folder: Path) -> None:
    """Create a virtual environment; Debian ships what that takes apart."""
    package = f"python3.{sys.version_info.minor}-venv"
    if not _has_venv_module() and not (_apt_install(package) and _has_venv_module()):
        raise SetUpError(
            f"this Python lacks venv; run as root: apt-get install -y {package}, then this again · "
            "此 Python 缺少 venv，请以 root 运行上述命令后重试"
        )
    command = [sys.executable, "-m", "venv", str(folder)]
    _call(command, "no environment could be created, see above", "无法创建虚拟环境，见上")


def _install(kind: str) -> None:
    """Install Huiyan into ``.venv``, unless what is there is what is wanted."""
    stamp = _read_stamp()
    # An environment for development serves users too, so `run` after `test` changes nothing.
    if any(stamp.get("installed") == [each, _digest(each)] for each in {kind, "test"}):
        print("      up to date · 已是最新")
        return
    # Until pip is done the environment counts as broken: it may be left with half a package.
    _write_whole(STAMP, json.dumps(stamp | {"whole": False, "installed": None}))
    target = ["."] if kind == "run" else ["-e", ".[dev]"]
    _call(
        [*_pip(str(_program("python"))), "-c", CONSTRAINTS.name, *target],
        "pip failed, see above; check network, pip's configuration and disk, then run again",
        "pip 失败，见上；检查网络、pip 配置与磁盘空间后重试",
    )
    _write_whole(STAMP, json.dumps(stamp | {"installed": [kind, _digest(kind)]}))


def _pull_models() -> None:
    """Fetch what is missing from the model store, then verify all of it."""
    for words in (["pull", "--samples", "--font"], ["verify"]):
        _call(
            [str(_program("huiyan")), "models", *words],
            "models: see above; mend it and run again, finished downloads are kept",
            "模型：见上；解决后重试，已下载的会保留",
        )


def _tag_sample() -> None:
    """Tag the sample picture of a cat and draw its tags into ``out/``."""
    asked = next((os.environ[name] for name in ("LC_ALL", "LANG") if os.environ.get(name)), "")
    language = "zh" if asked.startswith("zh") else "en"
    models_dir = _output([str(_program("python")), "-c", ASK_MODELS_DIR]).rstrip("\n")
    sample = next(Path(models_dir).rglob(SAMPLE), None)
    if sample is None:
        raise SetUpError(f"{SAMPLE} is not in the model store · 模型库中没有示例图片")
    picture = Path("out", SAMPLE)
    (ROOT / picture.parent).mkdir(exist_ok=True)
    shutil.copyfile(sample, ROOT / picture)
    words = ["--language", language, "--draw", str(picture.with_suffix(".tags.png")), str(picture)]
    print(f"      huiyan tag {shlex.join(words)}")
    command = [str(_program("huiyan")), "tag", *words]
    _call(command, "the sample could not be tagged, see above", "示例图片识别失败，见上")


def _offer_postgresql() -> None:
    """Tell whether the tests will find PostgreSQL; install it where that is plain to do."""
    places = [path for folder in POSTGRESQL_FOLDERS for path in Path("/").glob(folder)]
    asked = VENV / "postgresql-asked"
    if shutil.which("initdb") or places:
        print("      found · 已有")
        return
    if not asked.exists():
        asked.touch()
        if _apt_install("postgresql"):
            return
    print("      not found: its tests will be skipped; to run them install `postgresql`")
    print("      未找到：相关测试将跳过；安装 postgresql 后即可运行")


def _check_commands(pytest_arguments: Sequence[str]) -> list[list[str]]:
    """List the whole default test line."""
    python = str(_program("python"))
    folders = [ROOT / "src", ROOT / "tools", ROOT / "benchmarks"]
    sources = sorted(str(path) for folder in folders for path in folder.rglob("*.py"))
    return [
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "mypy"],
        [python, "-m", "numpydoc", "lint", *sources],
        [str(_program("lint-imports"))],
        [python, "-m", "pytest", *pytest_arguments],
    ]


def _check(command: Sequence[str]) -> tuple[str, bool, float]:
    """Run one check; a failure does not keep the others from running."""
    words = [word for word in command if not word.endswith(".py")]
    name = " ".join([Path(words[0]).name, *words[1:]]).removeprefix("python -m ")
    print(f"\n--- {name}")
    started_s = time.monotonic()
    passed = subprocess.run(command, check=False, cwd=ROOT, env=_clean_env()).returncode == 0
    return name, passed, time.monotonic() - started_s


@contextlib.contextmanager
def _step(place: str, english: str, chinese: str) -> Iterator[None]:
    """Announce a step and tell how long it took."""
    print(f"[{place}] {english} · {chinese}")
    started_s = time.monotonic()
    yield
    print(f"      {time.monotonic() - started_s:.1f} s")


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Let one set-up at a time work in this checkout; others wait."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another set-up works here; waiting for it · 另一个安装正在进行，等待中")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _program(name: str) -> Path:
    return VENV / "bin" / name


def _pip(python: str) -> list[str]:
    """Begin a pip command that never asks back; indexes are left to pip's configuration."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    return [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *quiet]


def _call(command: Sequence[str], english: str, chinese: str) -> None:
    """Run a command in the checkout, its output shown."""
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=_clean_env(), stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise SetUpError(f"{english} · {chinese}\n  {shlex.join(command)}")


def _output(command: Sequence[str]) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=_clean_env())
    if done.returncode != 0:
        raise SetUpError(f"{shlex.join(command)}\n{done.stderr}")
    return done.stdout


def _succeeds(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, check=False, capture_output=True, env=_clean_env())
    except OSError:
        return False
    return done.returncode == 0


def _clean_env() -> dict[str, str]:
    """Leave out what would send pip or Python out of the environment."""
    strays = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"}
    kept = {name: value for name, value in os.environ.items() if name not in strays}
    return kept | {"PIP_USER": "0"}


def _has_venv_module() -> bool:
    importlib.invalidate_caches()
    return all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))


def _apt_install(package: str) -> bool:
    """Install a system package where that is allowed without asking: as root, with apt."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    print(f"      apt-get install {package}")
    apt = ["apt-get", "-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"]
    env = _clean_env() | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                [*apt, *words],
                check=False,
                env=env,
                timeout=APT_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            if done.returncode == 0:
                continue
        print(f"      apt-get {words[0]} failed · 失败")
        return False
    return True


def _read_stamp() -> dict[str, object]:
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is never seen half written."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _digest(kind: str) -> str:
    """Digest what an installation depends on; one that is not editable holds the sources too."""
    paths = [ROOT / "pyproject.toml", CONSTRAINTS]
    if kind == "run":
        sources = (ROOT / "src").rglob("*")
        paths += sorted(p for p in sources if p.is_file() and "__pycache__" not in p.parts)
    whole = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        whole.update(f"{path.relative_to(ROOT)}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
