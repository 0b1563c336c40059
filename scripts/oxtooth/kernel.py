# SPDX-License-Identifier: GPL-2.0
"""The kernels: the distribution's own, unmodified, and a debug kernel of the same source.

The headers package ships no Rust metadata, so modules are built against a build folder of
our own: the distribution's source and config, prepared with the distribution's compiler,
plus the symbol list of the headers package.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cmp_to_key
from pathlib import Path

from . import apt, buildroot, paths, stamp, ui

SERIES = "7.3"
ABI_SUFFIX = "+deb13"
FLAVOURS = ("debian", "debug")
# A kernel that was built, as a whole, from a tree with our sources in it: intree_test.py makes and boots it.
TREE = "tree"
DEBUG_LLVM = "LLVM=-19"


@dataclass(frozen=True)
class Release:
    """What the package index offers: `name` is the kernel release (7.3.x+deb13-amd64)."""

    name: str
    version: str

    @property
    def localversion(self) -> str:
        return self.name[self.name.index(ABI_SUFFIX):]


def _newer(left: str, right: str) -> int:
    if left == right:
        return 0
    done = subprocess.run(["dpkg", "--compare-versions", left, "gt", right], check=False)
    return 1 if done.returncode == 0 else -1


def _index() -> apt.Index:
    return apt.Index("kernel", [apt.GUEST_SUITE, apt.GUEST_SUITE + "-backports"], for_host=False)


def resolve(index: apt.Index) -> Release:
    """The newest image of the series in the package index, with source and headers beside it."""
    pattern = re.compile(rf"linux-image-({re.escape(SERIES)}(?:\.\d+)*{re.escape(ABI_SUFFIX)}-amd64)$")
    offers = []
    for package in index.packages(f"linux-image-{SERIES}"):
        match = pattern.match(package)
        if match:
            offers += [(fields["Version"], match.group(1)) for fields in index.fields(package)]
    if not offers:
        seen = sorted(index.packages("linux-image-"))
        raise ui.Failure(
            f"no kernel found: looked for linux-image-{SERIES}.*{ABI_SUFFIX}-amd64 in "
            f"{', '.join(index.suites)}; there is: {', '.join(seen) or 'no linux-image at all'}",
            f"the suite has no {SERIES} kernel (any more): use an archive that has it "
            "(OXTOOTH_ARCHIVE=URL)")
    version, name = max(offers, key=cmp_to_key(lambda a, b: _newer(a[0], b[0])))
    for package in (f"linux-source-{SERIES}", f"linux-headers-{name}"):
        found = [fields["Version"] for fields in index.fields(package)]
        if version not in found:
            raise ui.Failure(f"looked for {package} {version}, the match of linux-image-{name}; "
                             f"there is: {', '.join(found) or 'none'}",
                             "the archive is between two updates: try again later")
    return Release(name, version)


def current() -> Release:
    """The release that the last set-up resolved; later commands use it without the network."""
    path = paths.kernel("debian") / "release"
    if not path.is_file():
        raise ui.Failure("the kernel is not set up", "run `scripts/ox setup`")
    name, version = path.read_text().split()
    return Release(name, version)


def release_name(flavour: str) -> str:
    """What `uname -r` says in a VM of this flavour."""
    path = paths.kdir(flavour) / "include/config/kernel.release"
    if not path.is_file():
        option = "" if flavour == "debian" else f" --kernel {flavour}"
        raise ui.Failure(f"the {flavour} kernel is not set up", f"run `scripts/ox setup{option}`")
    return path.read_text().strip()


def image(flavour: str) -> Path:
    """A folder with boot/vmlinuz-RELEASE and usr/lib/modules/RELEASE."""
    return paths.kernel(flavour) / "image"


def source() -> Path:
    return paths.cache() / "kernel" / f"linux-source-{current().version.split('~')[0]}"


def _jobs() -> str:
    import os
    return f"-j{os.cpu_count() or 1}"


def _deb(index: apt.Index, package: str, version: str) -> Path:
    folder = paths.cache() / "kernel" / "debs"
    plain = version.split(":")[-1]
    for have in folder.glob(f"{package}_{plain.replace('~', '*')}_*.deb"):
        if subprocess.run(["dpkg-deb", "--info", str(have)], capture_output=True,
                          check=False).returncode == 0:
            return have
        have.unlink()  # an interrupted download
    with ui.step(f"download {package} {version}"):
        return index.download(package, version, folder)


def _image_packages(index: apt.Index, release: Release) -> list:
    """The image package and those of its exact dependencies that belong to this very release:
    newer packages keep the kernel and its modules in packages of their own."""
    wanted, todo = [], [f"linux-image-{release.name}"]
    while todo:
        package = todo.pop()
        if package in wanted:
            continue
        wanted.append(package)
        for fields in index.fields(package):
            if fields["Version"] == release.version:
                todo += re.findall(rf"(\S+-{re.escape(release.name)}) \(= {re.escape(release.version)}\)",
                                   fields.get("Depends", ""))
    return wanted


def _unpack_image(index: apt.Index, release: Release) -> None:
    target = image("debian")
    key = stamp.key_of(release)
    if stamp.fresh("kernel-image", key) and target.is_dir():
        return
    debs = [_deb(index, package, release.version) for package in _image_packages(index, release)]
    with ui.step(f"unpack linux-image-{release.name} ({len(debs)} packages)"):
        new = target.with_name("image.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for deb in debs:
            subprocess.run(["dpkg-deb", "-x", str(deb), str(new)], check=True)
        # merged-/usr packages use usr/lib, older ones lib: both names have to work.
        if not (new / "lib").exists():
            (new / "lib").symlink_to("usr/lib")
        if (new / "usr/lib").is_dir() and not (new / "usr/lib/modules").exists():
            (new / "usr/lib/modules").symlink_to("../../lib/modules")
        if not (new / "lib/modules" / release.name / "kernel").is_dir():
            raise ui.Failure(f"{', '.join(deb.name for deb in debs)} hold no "
                             f"lib/modules/{release.name}/kernel")
        # The image and its config are in boot/ or, in newer packages, beside the modules.
        (new / "boot").mkdir(exist_ok=True)
        for name in ("vmlinuz", "config"):
            beside = new / "lib/modules" / release.name / name
            if beside.is_file():
                shutil.copy(beside, new / "boot" / f"{name}-{release.name}")
        if not (new / "boot" / f"vmlinuz-{release.name}").is_file():
            raise ui.Failure(f"{', '.join(deb.name for deb in debs)} hold no kernel image")
        stamp.replace(new, target)
    stamp.write("kernel-image", key)


def _unpack_source(index: apt.Index, release: Release) -> None:
    target = source()
    key = stamp.key_of(release.version)
    if stamp.fresh("kernel-source", key) and target.is_dir():
        return
    deb = _deb(index, f"linux-source-{SERIES}", release.version)
    with ui.step(f"unpack linux-source-{SERIES} {release.version}"):
        new = target.with_name("source.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        subprocess.run(["dpkg-deb", "-x", str(deb), str(new / "deb")], check=True)
        archives = list((new / "deb/usr/src").glob("linux-source-*.tar.*"))
        if len(archives) != 1:
            raise ui.Failure(f"linux-source-{SERIES} holds {len(archives)} source archives, not 1")
        (new / "tree").mkdir()
        # The distribution's documentation and foreign architectures are of no use here,
        # but Kconfig reads every architecture's files; so nothing is left out.
        subprocess.run(["tar", "-xf", str(archives[0]), "-C", str(new / "tree"),
                        "--strip-components=1"], check=True)
        stamp.replace(new / "tree", target)
        shutil.rmtree(new)
    stamp.write("kernel-source", key)


def _headers_file(index: apt.Index, release: Release, name: str) -> bytes:
    deb = _deb(index, f"linux-headers-{release.name}", release.version)
    done = subprocess.run(
        f"dpkg-deb --fsys-tarfile '{deb}' | tar -xO ./usr/src/linux-headers-{release.name}/{name}",
        shell=True, check=False, capture_output=True)
    if done.returncode != 0 or not done.stdout:
        raise ui.Failure(f"{deb.name} holds no {name}: {done.stderr.decode().strip()}")
    return done.stdout


def _compilers(*names: str) -> str:
    """Other compilers make another kernel; other packages in the build root do not."""
    return "".join(buildroot.output([name, "--version"], cwd=Path("/")) for name in names)


def _make(build: Path, *words: str) -> list:
    return ["make", "-C", str(source()), f"O={build}", *words]


def setup_debian() -> Release:
    with stamp.lock("kernel-debian"):
        index = _index()
        with ui.step("read the package lists of the kernel's suites"):
            index.update()
        release = resolve(index)
        paths.kernel("debian").mkdir(parents=True, exist_ok=True)
        (paths.kernel("debian") / "release").write_text(f"{release.name} {release.version}\n")
        _unpack_image(index, release)
        _unpack_source(index, release)
        build = paths.kdir("debian")
        key = stamp.key_of(release, _compilers("rustc", "gcc-14"))
        if stamp.fresh("kernel-kdir", key) and build.is_dir():
            return release
        log = paths.cache() / "logs" / "kernel-debian.log"
        with ui.step(f"prepare the build folder of {release.name} (compiles its Rust crates)"):
            shutil.rmtree(build, ignore_errors=True)
            build.mkdir()
            shutil.copy(image("debian") / "boot" / f"config-{release.name}", build / ".config")
            local = f"LOCALVERSION={release.localversion}"
            buildroot.run(_make(build, local, "olddefconfig"), log, "the kernel's olddefconfig failed")
            buildroot.run(_make(build, local, _jobs(), "modules_prepare"), log,
                          "the kernel's modules_prepare failed")
            (build / "Module.symvers").write_bytes(_headers_file(index, release, "Module.symvers"))
            made = (build / "include/config/kernel.release").read_text().strip()
            if made != release.name:
                raise ui.Failure(f"the build folder's release is {made}, the distribution's is "
                                 f"{release.name}: its modules would not load",
                                 "source and image packages differ; see the log", log)
            if not (build / "rust/libkernel.rmeta").is_file():
                raise ui.Failure("modules_prepare made no rust/libkernel.rmeta: the kernel's "
                                 "configuration lost CONFIG_RUST", "see the log", log)
        stamp.write("kernel-kdir", key)
    return release


def fragment(name: str) -> Path:
    """What a kernel's configuration has beside tinyconfig."""
    return paths.REPO / "scripts" / "kernel" / f"{name}.config"


def _lines(fragment: Path) -> dict:
    """{option: its line}"""
    text = fragment.read_text()
    return {match.group(1) or match.group(2): match.group(0)
            for match in re.finditer(r"^(?:(CONFIG_\w+)=.*|# (CONFIG_\w+) is not set)$", text, re.M)}


def _check_config(build: Path, fragments: list) -> None:
    """olddefconfig drops what a dependency forbids, silently: every line of the last fragment has to have
    survived."""
    have = _lines(build / ".config")
    lost = [line for name, line in _lines(fragments[-1]).items()
            if have.get(name, f"# {name} is not set") != line]
    if lost:
        raise ui.Failure(f"the configuration of {fragments[-1].stem}'s kernel lost: " + ", ".join(lost),
                         f"their dependencies changed: mend {fragments[-1].relative_to(paths.REPO)}")


def build_small(tree: Path, build: Path, fragments: list, log: Path, what: str) -> None:
    """Configures and builds a kernel that boots in our virtual machine and has little else: tinyconfig and the
    fragments, each overruling those before it."""
    def make(*words: str) -> list:
        return ["make", "-C", str(tree), f"O={build}", DEBUG_LLVM, *words]

    build.mkdir(parents=True, exist_ok=True)
    with ui.step(f"configure {what}"):
        buildroot.run(make("tinyconfig"), log, "tinyconfig failed")
        buildroot.run(["sh", tree / "scripts/kconfig/merge_config.sh", "-m", "-O", build, build / ".config",
                       *fragments], log, f"cannot merge the fragments of {what}", cwd=tree)
        buildroot.run(make("olddefconfig"), log, "olddefconfig failed")
        _check_config(build, fragments)
    with ui.step(f"build {what}"):
        buildroot.run(make(_jobs(), "bzImage", "modules"), log, f"the build of {what} failed")


def install_small(tree: Path, flavour: str, build: Path, log: Path) -> None:
    """Puts what build_small() made where virtual machines of that flavour take it from."""
    with ui.step("install its modules"):
        new = image(flavour).with_name("image.new")
        shutil.rmtree(new, ignore_errors=True)
        (new / "boot").mkdir(parents=True)
        name = release_name(flavour)
        (new / "usr").mkdir()
        buildroot.run(["make", "-C", str(tree), f"O={build}", DEBUG_LLVM, f"INSTALL_MOD_PATH={new}/usr",
                       "modules_install"], log, "modules_install failed")
        (new / "lib").symlink_to("usr/lib")
        shutil.copy(build / "arch/x86/boot/bzImage", new / "boot" / f"vmlinuz-{name}")
        (new / "usr/lib/modules" / name / "build").unlink(missing_ok=True)
        stamp.replace(new, image(flavour))


def setup_debug() -> None:
    """Configures, builds and installs the debug kernel (12 minutes on two cores)."""
    with stamp.lock("kernel-debug"):
        release = current()
        build = paths.kdir("debug")
        key = stamp.key_of(release, fragment("debug").read_text(), _compilers("rustc", "clang-19"))
        if stamp.fresh("kernel-debug", key) and image("debug").is_dir():
            return
        log = paths.cache() / "logs" / "kernel-debug.log"
        build_small(source(), build, [fragment("debug")], log, "the debug kernel (12 minutes on two cores)")
        install_small(source(), "debug", build, log)
        stamp.write("kernel-debug", key)
