# SPDX-License-Identifier: GPL-2.0
"""Debian packages, from the archive that this machine already uses.

The archive's address is taken from the configured apt source and only the suite
names are swapped. The system's own source lists are never changed: every other
suite is read through a private folder of lists.
"""

import functools
import os
import re
import subprocess
from pathlib import Path

from . import paths, stamp, ui

GUEST_SUITE = "trixie"
SUITES = ("bullseye", "bookworm", "trixie", "forky", "sid", "stable", "testing", "unstable",
          "oldstable", "oldoldstable")
KEYRINGS = "/usr/share/keyrings"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def os_codename() -> str:
    """The host's Debian suite, or nothing where the host is another distribution."""
    fields = {}
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        fields[name] = value.strip('"')
    return fields.get("VERSION_CODENAME", "") if fields.get("ID") == "debian" else ""


def _one_line(text: str):
    """(uri, suites) of every `deb` entry in sources.list format."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)", line)
        if match:
            yield match.group(1), [match.group(2)]


def _deb822(text: str):
    """(uri, suites) of every enabled `deb` stanza in deb822 format."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n[ \t]*\n", "\n".join(lines)):
        fields = {}
        name = None
        for line in stanza.splitlines():
            if line[:1] in " \t" and name:
                fields[name] += " " + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        for uri in fields.get("uris", "").split():
            yield uri, fields.get("suites", "").split()


def _configured():
    etc = Path("/etc/apt")
    files = [etc / "sources.list"]
    parts = etc / "sources.list.d"
    if parts.is_dir():
        files += sorted(parts.iterdir())
    for path in files:
        if path.is_file() and path.suffix == ".list":
            yield from _one_line(path.read_text())
        elif path.is_file() and path.suffix == ".sources":
            yield from _deb822(path.read_text())


def archive() -> str:
    """The address of the Debian archive this machine is configured for."""
    explicit = os.environ.get("OXTOOTH_ARCHIVE")
    if explicit:
        return explicit
    seen = []
    for uri, suites in _configured():
        seen.append(f"{uri} {' '.join(suites)}")
        # Updates, security and third-party archives have no base suite.
        if any(suite in SUITES for suite in suites) and "security" not in uri:
            return uri
    raise ui.Failure("no apt source of a Debian base suite is configured; looked at: "
                     + ("; ".join(seen) or "nothing configured at all"),
                     "add one to /etc/apt, or name an archive with OXTOOTH_ARCHIVE=URL")


def source_lines(suites: list) -> str:
    """sources.list lines for `suites` of the configured archive."""
    keys = sorted(str(key) for key in Path(KEYRINGS).glob("debian-archive-*.gpg")
                  if "removed" not in key.name)
    if not keys:
        raise ui.Failure(f"no Debian archive key in {KEYRINGS}",
                         "install the package debian-archive-keyring")
    uri, signed = archive(), ",".join(keys)
    return "".join(f"deb [signed-by={signed}] {uri} {suite} main\n" for suite in suites)


class Index:
    """A private set of package lists. `status` is the dpkg database to resolve against:
    the host's own for packages to install here, an empty one for packages to unpack."""

    def __init__(self, name: str, suites: list, for_host: bool):
        self.folder = paths.cache() / "apt" / name
        self.suites, self.for_host = suites, for_host

    def options(self) -> list:
        folder = self.folder
        words = {"Dir::Etc::SourceList": folder / "sources.list",
                 "Dir::Etc::SourceParts": "/dev/null",
                 "Dir::State::Lists": folder / "lists",
                 # Lists are read as whoever made them; the sandbox user may not see the cache.
                 "APT::Sandbox::User": "root"}
        if not self.for_host:
            words |= {"Dir::State::status": folder / "status", "Dir::Cache": folder / "cache",
                      "Dir::Etc::Preferences": "/dev/null",
                      "Dir::Etc::PreferencesParts": "/dev/null",
                      "APT::Architecture": "amd64", "APT::Architectures": "amd64"}
        options = []
        for name, value in words.items():
            options += ["-o", f"{name}={value}"]
        return options

    def update(self) -> None:
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "sources.list").write_text(source_lines(self.suites))
        (self.folder / "status").touch()
        argv = ["apt-get", *self.options(), "-o", "APT::Update::Error-Mode=any",
                "-o", "Acquire::Retries=3", "-o", "Acquire::Languages=none", "update"]
        if self.for_host:
            argv = as_root(argv)
        ui.logged(argv, self.folder / "update.log",
                  f"cannot read the package lists of {', '.join(self.suites)}",
                  "check the network and the apt source; the archive was derived from /etc/apt")

    def packages(self, prefix: str) -> list:
        done = subprocess.run(["apt-cache", *self.options(), "pkgnames", prefix], check=True,
                              capture_output=True, text=True)
        return done.stdout.split()

    def fields(self, package: str) -> list:
        """Every known version of `package`, as dictionaries."""
        done = subprocess.run(["apt-cache", *self.options(), "show", package], check=False,
                              capture_output=True, text=True)
        result = []
        for stanza in done.stdout.split("\n\n"):
            pairs = [line.partition(": ") for line in stanza.splitlines() if line[:1].strip()]
            if pairs:
                result.append({name.rstrip(":"): value for name, _, value in pairs})
        return result

    def download(self, package: str, version: str, folder: Path) -> Path:
        """The .deb of `package`; apt checks it against the signed lists."""
        folder.mkdir(parents=True, exist_ok=True)
        ui.logged(["apt-get", *self.options(), "-o", "Acquire::Retries=3", "download",
                   f"{package}={version}"], folder / f"{package}.log",
                  f"cannot download {package} {version}", "check the network and run it again",
                  cwd=folder)
        found = sorted(folder.glob(f"{package}_*.deb"))
        if not found:
            raise ui.Failure(f"apt-get downloaded no {package}_*.deb into {folder}")
        return found[-1]


@functools.cache
def _sudo_answers() -> bool:
    """It does without a password, or can ask for one."""
    if subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return True
    try:
        with open("/dev/tty"):
            return True
    except OSError:
        return False


def as_root(argv: list) -> list:
    """`argv` with root's rights: through sudo where we are not root."""
    if os.geteuid() == 0:
        return list(argv)
    if subprocess.run(["sh", "-c", "command -v sudo"], capture_output=True, check=False).returncode:
        raise ui.Failure("root's rights are needed to install packages and there is no sudo",
                         "run it as root, or install sudo")
    if not _sudo_answers():
        raise ui.Failure("root's rights are needed, and sudo wants a password that it cannot ask "
                         "for without a terminal",
                         "run it in a terminal, as root, or with a sudo that asks for none")
    # sudo forgets which proxy leads to the archive, unless it is told to keep that.
    kept = [name for name in PROXIES if name in os.environ]
    return ["sudo", *([f"--preserve-env={','.join(kept)}"] if kept else []), *argv]


HOST_PACKAGES = ("mmdebstrap", "qemu-system-x86", "busybox-static", "bubblewrap", "python3-venv",
                 "binutils", "git", "ca-certificates", "file", "kmod", "make", "util-linux", "xz-utils")


def installed(package: str) -> str:
    done = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Status} ${Version}", package],
                          capture_output=True, text=True, check=False)
    status, _, version = done.stdout.partition(" ")
    return version if done.returncode == 0 and status == "installed" else ""


def _qemu_good() -> bool:
    """Debian 12's QEMU 7.2 breaks one boot in eight under multi-threaded TCG; 10.0 does not."""
    done = subprocess.run(["dpkg", "--compare-versions", installed("qemu-system-x86") or "0",
                           "ge", "1:10.0"], check=False)
    return done.returncode == 0


def host_packages() -> None:
    """Installs what the host needs. Asks for root's rights only when something is missing."""
    missing = [package for package in HOST_PACKAGES if not installed(package)]
    if not _qemu_good() and "qemu-system-x86" not in missing:
        missing.append("qemu-system-x86")
    if not missing:
        return
    codename = os_codename()
    if not codename:
        raise ui.Failure(f"packages missing on this host: {' '.join(missing)}",
                         "this is not Debian, so install them with the host's own tools "
                         "(QEMU 10.0 or newer)")
    with stamp.lock("apt"):
        suites = [codename]
        if codename in ("bookworm", "trixie"):
            suites.append(f"{codename}-updates")
        if codename == "bookworm":
            suites.append("bookworm-backports")  # its own QEMU is too old
        index = Index("host", suites, for_host=True)
        index.update()
        plain = [package for package in missing if package != "qemu-system-x86"]
        log = paths.cache() / "logs" / "apt-host.log"
        install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *index.options(),
                   "install", "-y", "--no-install-recommends"]
        if plain:
            ui.logged(as_root([*install, *plain]), log, f"cannot install {' '.join(plain)}")
        if "qemu-system-x86" in missing:
            target = ["-t", "bookworm-backports"] if codename == "bookworm" else []
            ui.logged(as_root([*install, *target, "qemu-system-x86"]), log,
                      "cannot install qemu-system-x86")
    still = [package for package in HOST_PACKAGES if not installed(package)]
    if still or not _qemu_good():
        raise ui.Failure(f"still missing after the installation: {' '.join(still) or 'QEMU >= 10.0'}",
                         "see the log", paths.cache() / "logs" / "apt-host.log")
