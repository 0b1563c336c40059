# SPDX-License-Identifier: GPL-2.0
"""`make doc`: rustdoc for our crates, a warning being an error.

wire, engine and h2 are cargo's. For the crates that only the kernel's build knows, rustdoc gets the
very flags that the build saved for rustc.
"""

import re
import shlex
from pathlib import Path

from . import build, buildroot, paths, ui
from .groups import host

# What only concerns code generation or where rustc writes; the kernel's own rustdoc call drops the
# same lint, since private items are documented too.
_WITH_VALUE = ("-o", "--env-set", "--emit", "--crate-type", "--out-dir")
_DROPPED = re.compile(r"--(?:emit|crate-type|out-dir)=|-Wunreachable_pub$|-Zbinary_dep_depinfo")


def _saved_command(file: Path) -> list:
    match = re.search(r"^savedcmd_\S+ := (.*)$", file.read_text(), re.M)
    if not match:
        raise ui.Failure(f"{file} holds no saved command")
    # make writes a dollar and a hash in its own way.
    text = match.group(1).replace("$$", "$").replace("$(pound)", "#")
    return shlex.split(text.split(" ; ")[0])


def _for_rustdoc(words: list) -> tuple:
    """(rustdoc's arguments, environment) from a saved rustc command."""
    start = next((number for number, word in enumerate(words) if Path(word).name == "rustc"), None)
    if start is None:
        raise ui.Failure(f"the saved command runs no rustc: {shlex.join(words[:6])}")
    env = dict(word.split("=", 1) for word in words[:start] if re.match(r"\w+=", word))
    arguments, skip = [], ""
    for word in words[start + 1:]:
        if skip:
            # rustdoc has no --env-set: it gets the variable as one.
            if skip == "--env-set":
                env |= dict([word.split("=", 1)])
            skip = ""
        elif word in _WITH_VALUE:
            skip = word
        elif not _DROPPED.match(word):
            arguments.append(word)
    return arguments, env


def kernel_crate(out: Path, source: str, where: list) -> None:
    """rustdoc for a crate whose objects are in `out`; `where` says what becomes of it."""
    name = Path(source).stem
    saved = (out / source).with_name(f".{name}.o.cmd")
    if not saved.is_file():
        raise ui.Failure(f"the build left no {saved}", "run `make modules` and look for its errors")
    arguments, env = _for_rustdoc(_saved_command(saved))
    buildroot.run(["rustdoc", *arguments, "--crate-name", name, "--document-private-items",
                   "-Dwarnings", "-Arustdoc::private_intra_doc_links", *where],
                  paths.logs() / f"doc-{name}.log", f"rustdoc complains about {source}",
                  binds=(out,), cwd=out, env=env | {"RUSTC_BOOTSTRAP": "1"})


# Nothing is written: only what rustdoc says counts.
LOOKED_AT = ["-Zunstable-options", "--check"]


def host_crates(target: Path) -> bool:
    """Whether rustdoc is content with the host crates."""
    done = host.cargo(["doc", "--locked", "--workspace", "--no-deps", "--document-private-items",
                       "--target-dir", str(target)], paths.logs() / "doc-host.log",
                      {"RUSTDOCFLAGS": "-Dwarnings"})
    return done.returncode == 0


def kernel_crates() -> list:
    """The crate roots that the kernel's build compiles and cargo does not know."""
    kbuild = (paths.REPO / "Kbuild").read_text()
    objects = re.findall(r"\S+-y\s*[:+]?=\s*(.+)", kbuild)
    names = [word for line in objects for word in line.split() if word.endswith(".o")]
    sources = [name[:-2] + ".rs" for name in names if (paths.REPO / (name[:-2] + ".rs")).is_file()]
    return [name for name in sources if not re.match(r"(?:net/bluetooth/(?:wire|engine)|drivers/bluetooth/h2)/", name)]


def command(flavour: str = "debian") -> int:
    target = paths.logs().parent / "doc"
    with ui.step("rustdoc: host crates"):
        if not host_crates(target / "cargo"):
            ui.say(ui.tail(paths.logs() / "doc-host.log", 40))
            raise ui.Failure("rustdoc complains about a host crate", "",
                             paths.logs() / "doc-host.log")
    with ui.step("build the modules, whose commands rustdoc takes over"):
        build.modules_logged(flavour)
    for source in kernel_crates():
        with ui.step(f"rustdoc: {source}"):
            kernel_crate(paths.out(flavour), source, ["--output", target / "kernel"])
    ui.say(f"documentation in {target}/cargo/doc and {target}/kernel")
    return 0
