# SPDX-License-Identifier: GPL-2.0
"""Runs commands inside the build root, with the host's folders at their own paths.

bubblewrap needs no root's rights and cleans up after itself; where the host forbids
it user namespaces, chroot with bind mounts in a mount namespace of its own does the same.
"""

import functools
import os
import shlex
import subprocess
from pathlib import Path

from . import apt, paths, ui

# Name resolution and the certificates come from the host: a proxy's own authority may be there.
HOST_ETC = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl", "/etc/passwd", "/etc/group")
PASSED_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR", "CARGO_HTTP_CAINFO", "http_proxy",
                      "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TERM")


def environment(extra: dict | None = None) -> dict:
    env = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
    env |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(paths.cache() / "home"),
            "LANG": "C.UTF-8", "TZ": "UTC", "CARGO_HOME": str(paths.cache() / "cargo"),
            "KBUILD_BUILD_USER": "oxtooth", "KBUILD_BUILD_HOST": "oxtooth"}
    return env | (extra or {})


def _bound(extra: tuple) -> list:
    """Folders that are writable inside, each at its own path; outer ones first."""
    folders = {paths.cache().resolve(), paths.REPO}
    folders |= {Path(path).resolve() for path in extra}
    return sorted(folder for folder in folders if folder.exists())


def _bwrap(argv: list, binds: tuple, cwd: Path) -> list:
    root = paths.buildroot()
    words = ["bwrap", "--die-with-parent", "--unshare-pid", "--tmpfs", "/", "--proc", "/proc",
             "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/var/tmp",
             "--ro-bind", str(root / "usr"), "/usr", "--ro-bind", str(root / "etc"), "/etc"]
    for name in ("bin", "sbin", "lib", "lib64"):
        if (root / name).is_symlink():
            words += ["--symlink", os.readlink(root / name), f"/{name}"]
    for path in HOST_ETC:
        # Not every one exists in the root, and /etc is read-only there.
        if Path(path).exists() and (root / path.lstrip("/")).exists():
            words += ["--ro-bind", str(Path(path).resolve()), path]
    for folder in _bound(binds):
        words += ["--bind", str(folder), str(folder)]
    return [*words, "--chdir", str(cwd), "--", *argv]


def _chroot(argv: list, binds: tuple, cwd: Path, env: dict) -> list:
    root = paths.buildroot()
    lines = ["set -e", f"mount -t proc proc {shlex.quote(str(root / 'proc'))}",
             f"mount --rbind /dev {shlex.quote(str(root / 'dev'))}",
             f"mount -t tmpfs tmpfs {shlex.quote(str(root / 'tmp'))}"]
    for folder in _bound(binds):
        inside = shlex.quote(str(root) + str(folder))
        lines += [f"mkdir -p {inside}", f"mount --rbind {shlex.quote(str(folder))} {inside}"]
    for path in HOST_ETC:
        inside = root / path.lstrip("/")
        if Path(path).exists() and inside.exists():
            lines.append(f"mount --bind {path} {shlex.quote(str(inside))}")
    assignments = " ".join(shlex.quote(f"{name}={value}") for name, value in env.items())
    identity = f"--userspec={os.getuid()}:{os.getgid()}"
    lines.append(f"exec chroot {identity} {shlex.quote(str(root))} env -i {assignments} "
                 f"sh -c {shlex.quote('cd ' + shlex.quote(str(cwd)) + ' && exec ' + shlex.join(argv))}")
    return apt.as_root(["unshare", "--mount", "--propagation", "private",
                        "sh", "-c", "\n".join(lines)])


@functools.cache
def _bwrap_works() -> bool:
    probe = subprocess.run(_bwrap(["/usr/bin/true"], (), Path("/")), capture_output=True,
                           check=False, env=environment())
    return probe.returncode == 0


def command(argv: list, binds: tuple = (), cwd: Path | None = None,
            env: dict | None = None) -> tuple:
    """(argv, environment) that runs `argv` inside the build root."""
    if not paths.buildroot().is_dir():
        raise ui.Failure("there is no build root yet", "run `scripts/ox setup`")
    for name in ("home", "cargo"):
        (paths.cache() / name).mkdir(parents=True, exist_ok=True)
    argv = [str(word) for word in argv]
    cwd = cwd or paths.REPO
    full = environment(env)
    try:
        if _bwrap_works():
            return _bwrap(argv, binds, cwd), full
    except FileNotFoundError:
        pass  # no bubblewrap on this host: chroot below
    return _chroot(argv, binds, cwd, full), None


def run(argv: list, log: Path | None = None, what: str = "", todo: str = "", binds: tuple = (),
        cwd: Path | None = None, env: dict | None = None) -> None:
    """Runs `argv` in the build root, output in `log`; ui.Failure if it does not end well."""
    words, full = command(argv, binds, cwd, env)
    if log is None:
        done = subprocess.run(words, env=full, check=False)
        if done.returncode != 0:
            raise ui.Failure(what or f"{argv[0]} ended with status {done.returncode}", todo)
        return
    ui.logged(words, log, what or str(argv[0]), todo, env=full)


def output(argv: list, binds: tuple = (), cwd: Path | None = None) -> str:
    words, full = command(argv, binds, cwd)
    done = subprocess.run(words, env=full, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise ui.Failure(f"{' '.join(map(str, argv))} ended with status {done.returncode}: "
                         f"{done.stderr.strip()[-400:]}")
    return done.stdout
