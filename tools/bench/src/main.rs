// SPDX-License-Identifier: GPL-2.0

//! `bench`: what the kernel's Bluetooth core spends on a unit of work, whichever core is loaded.
//!
//! It runs in a virtual machine with one processor, whose clock counts instructions. It is the controller
//! behind `/dev/vhci`, the remote device, and the program that uses sockets, in one process; what it does in
//! user mode is counted and left out.

mod controller;
mod fcs;
mod meter;
mod pairing;
mod peer;
mod replies;
mod security;
mod sys;
mod work;

use std::process::ExitCode;

use meter::Meter;
use replies::Kind;
use work::{Measured, Setting, WORKLOADS};

const USAGE: &str = "\
usage: bench [OPTION...] WORKLOAD
       bench list

Prints `result NAME units N busy N user N cut N`, in nanoseconds of processor time, or
`result NAME units N bytes N` and lines `point NAME COUNT BYTES`, or `gaps NAME units N median N
most N longest N`, in nanoseconds.
  --scale PERCENT    units, of the usual number
  --acl MTU,COUNT    the controller's buffers for BR/EDR data (1021,8)
  --le MTU,COUNT     those for LE data (251,8)
  --sco MTU,COUNT    those for synchronous data (60,8)";

fn pair<A: std::str::FromStr, B: std::str::FromStr>(text: &str) -> Option<(A, B)> {
    let (a, b) = text.split_once(',')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

fn run() -> Result<(), String> {
    let (mut kind, mut scale, mut names) = (Kind::default(), 100, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            names.push(word);
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("{word} wants a value"))?;
        let bad = || format!("{word}: {value}?");
        match word.as_str() {
            "--scale" => scale = value.parse().map_err(|_| bad())?,
            "--acl" => kind.acl = pair(&value).ok_or_else(bad)?,
            "--le" => kind.le_acl = pair(&value).ok_or_else(bad)?,
            "--sco" => kind.sco = pair(&value).ok_or_else(bad)?,
            _ => return Err(format!("no such option: {word}\n{USAGE}")),
        }
    }
    let [name] = names.as_slice() else {
        return Err(USAGE.into());
    };
    if name == "list" {
        for workload in WORKLOADS {
            println!("{}\t{}", workload.name, workload.unit);
        }
        return Ok(());
    }
    let workload = WORKLOADS
        .iter()
        .find(|one| one.name == name)
        .ok_or_else(|| format!("no such workload: {name}"))?;
    let setting = Setting {
        kind,
        scale,
        meter: Meter::new().map_err(|error| error.to_string())?,
    };
    let outcome = (workload.run)(&setting).map_err(|error| format!("{name}: {error}"))?;
    let units = outcome.units;
    match outcome.measured {
        Measured::Time(cost) => println!(
            "result {name} units {units} busy {} user {} cut {}",
            cost.busy, cost.user, cost.cut
        ),
        Measured::Gaps(gaps) => println!(
            "gaps {name} units {units} median {} most {} longest {}",
            gaps.median, gaps.most, gaps.longest
        ),
        Measured::Bytes(bytes) => println!("result {name} units {units} bytes {bytes}"),
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
