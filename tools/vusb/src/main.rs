// SPDX-License-Identifier: GPL-2.0

//! `vusb`: see the library.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use vusb::config::Description;
use vusb::control;
use vusb::device::Device;
use vusb::run::{self, Options};

const USAGE: &str = "\
usage: vusb --host SOCKET --control SOCKET --controller HOST:PORT [--peer] [--device FILE]

A USB Bluetooth controller for QEMU's usb-redir device, in front of a controller emulation.
  --host SOCKET          Unix socket where QEMU connects
  --control SOCKET       Unix socket that takes the commands below
  --controller HOST:PORT H4 over TCP, as RootCanal has it
  --peer                 a remote device on a second connection there
  --device FILE          which device it is (TOML); left out: a plain one

Commands:";

fn options() -> Result<(Options, Description), String> {
    let (mut host, mut control, mut controller) = (None, None, None);
    let mut device = Description::default();
    let mut peer = false;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--peer" {
            peer = true;
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("{word} wants a value"))?;
        match word.as_str() {
            "--host" => host = Some(PathBuf::from(value)),
            "--control" => control = Some(PathBuf::from(value)),
            "--controller" => controller = Some(value),
            "--device" => {
                let text =
                    fs::read_to_string(&value).map_err(|error| format!("{value}: {error}"))?;
                device = Description::parse(&text).map_err(|error| format!("{value}: {error}"))?;
            }
            _ => return Err(format!("no such option: {word}")),
        }
    }
    let host = host.ok_or("--host is missing")?;
    let control = control.ok_or("--control is missing")?;
    let controller = controller.ok_or("--controller is missing")?;
    Ok((
        Options {
            host,
            control,
            controller,
            peer,
        },
        device,
    ))
}

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--help") {
        println!("{USAGE}\n{}", control::HELP);
        return ExitCode::SUCCESS;
    }
    let (options, description) = match options() {
        Ok(both) => both,
        Err(text) => {
            eprintln!("vusb: {text}\n{USAGE}\n{}", control::HELP);
            return ExitCode::from(2);
        }
    };
    let result = Device::new(description)
        .and_then(|device| run::run(device, &options).map_err(|error| error.to_string()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("vusb: {text}");
            ExitCode::FAILURE
        }
    }
}
