// SPDX-License-Identifier: GPL-2.0

//! What the controller said of itself, and the lists that are kept of its peers.

use super::{
    always,
    bredr,
    joined,
    le,
    row,
    spaced,
    yes_or_no,
    Content,
    Row, //
};
use crate::hci::{
    params::AutoConnect,
    state::{
        OobPair,
        Peer, //
    },
    update,
    Device, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};
use wire::{
    AddressType,
    BdAddr, //
};

/// A file with one number of what the controller said.
macro_rules! said {
    ($name:literal, $when:ident, $member:ident) => {
        row(
            $name,
            0o444,
            $when,
            Content::Text(|dev, out| {
                seq_print!(out, "{}\n", dev.info()?.$member);
                Ok(())
            }),
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    row(c"features", 0o444, always, Content::Text(features)),
    said!(c"manufacturer", always, manufacturer),
    said!(c"hci_version", always, hci_ver),
    said!(c"hci_revision", always, hci_rev),
    row(
        c"hardware_error",
        0o444,
        always,
        Content::Settings(|state, out| seq_print!(out, "{}\n", state.hw_error_code)),
    ),
    row(
        c"device_id",
        0o444,
        always,
        Content::Settings(|state, out| {
            let id = &state.device_id;
            seq_print!(
                out,
                "{:04x}:{:04x}:{:04x}:{:04x}\n",
                id.source,
                id.vendor,
                id.product,
                id.version
            );
        }),
    ),
    row(
        c"hardware_info",
        0o444,
        |dev, _| dev.info_strings().0.is_some(),
        Content::Text(|dev, out| info_string(dev.info_strings().0, out)),
    ),
    row(
        c"firmware_info",
        0o444,
        |dev, _| dev.info_strings().1.is_some(),
        Content::Text(|dev, out| info_string(dev.info_strings().1, out)),
    ),
    row(
        c"device_list",
        0o444,
        always,
        Content::Settings(|state, out| {
            for (peer, _) in state.accept_list.iter() {
                typed(out, peer);
                seq_print!(out, "\n");
            }
            for params in state.conn_params.iter() {
                le_typed(out, &params.peer);
                seq_print!(out, " {}\n", as_number(params.auto_connect));
            }
        }),
    ),
    row(
        c"blacklist",
        0o444,
        always,
        Content::Settings(|state, out| peers(out, &state.reject_list)),
    ),
    row(
        c"blocked_keys",
        0o444,
        always,
        Content::Settings(|state, out| {
            for key in state.blocked_keys.iter() {
                seq_print!(out, "{} ", key.kind);
                joined(out, &key.value);
                seq_print!(out, "\n");
            }
        }),
    ),
    row(
        c"uuids",
        0o444,
        always,
        Content::Settings(|state, out| {
            for service in state.uuids.iter() {
                let [p, o, n, m, l, k, j, i, h, g, f, e, d, c, b, a] = service.uuid;
                joined(out, &[a, b, c, d]);
                for group in [[e, f], [g, h], [i, j]] {
                    seq_print!(out, "-");
                    joined(out, &group);
                }
                seq_print!(out, "-");
                joined(out, &[k, l, m, n, o, p]);
                seq_print!(out, "\n");
            }
        }),
    ),
    row(
        c"remote_oob",
        0o400,
        always,
        Content::Settings(|state, out| {
            for data in state.remote_oob.iter() {
                typed(out, &data.peer);
                seq_print!(out, " {}", data.present());
                for pair in [data.p192, data.p256] {
                    let pair = pair.unwrap_or(OobPair::NONE);
                    seq_print!(out, " ");
                    joined(out, &pair.hash.0);
                    seq_print!(out, " ");
                    joined(out, &pair.rand.0);
                }
                seq_print!(out, "\n");
            }
        }),
    ),
    row(
        c"inquiry_cache",
        0o444,
        bredr,
        Content::Settings(|state, out| {
            for e in state.discovery.cache.iter() {
                let [class, major, service] = e.class;
                addr(out, e.addr);
                seq_print!(
                    out,
                    " {} {} {} 0x{service:02x}{major:02x}{class:02x} 0x{:04x} {} {} {}\n",
                    e.pscan_rep_mode,
                    e.pscan_period_mode,
                    e.pscan_mode,
                    e.clock_offset,
                    e.rssi,
                    e.ssp_mode,
                    state.discovery.timestamp
                );
            }
        }),
    ),
    row(
        c"link_keys",
        0o400,
        bredr,
        Content::Settings(|state, out| {
            for key in state.link_keys.iter() {
                addr(out, key.addr);
                seq_print!(out, " {} ", key.kind);
                joined(out, key.value.octets());
                seq_print!(out, " {}\n", key.pin_len);
            }
        }),
    ),
    row(
        c"dev_class",
        0o444,
        bredr,
        Content::Settings(|state, out| {
            let [class, major, service] = state.class;
            seq_print!(out, "0x{service:02x}{major:02x}{class:02x}\n");
        }),
    ),
    row(
        c"voice_setting",
        0o444,
        bredr,
        Content::Settings(|state, out| seq_print!(out, "0x{:04x}\n", state.voice_setting)),
    ),
    row(
        c"ssp_debug_mode",
        0o444,
        |_, info| info.bredr_capable() && info.features.ssp(),
        Content::Settings(|state, out| yes_or_no(out, state.ssp_debug_mode != 0)),
    ),
    row(c"identity", 0o400, le, Content::Text(identity)),
    row(
        c"random_address",
        0o444,
        le,
        Content::Settings(|state, out| line(out, state.random_addr)),
    ),
    row(
        c"static_address",
        0o444,
        le,
        Content::Settings(|state, out| line(out, state.static_addr)),
    ),
    said!(c"white_list_size", le, le_accept_list_size),
    row(
        c"white_list",
        0o444,
        le,
        Content::Settings(|state, out| le_peers(out, &state.le_accept_list)),
    ),
    said!(c"resolv_list_size", le, le_resolv_list_size),
    row(
        c"resolv_list",
        0o444,
        le,
        Content::Settings(|state, out| le_peers(out, &state.le_resolv_list)),
    ),
    row(
        c"identity_resolving_keys",
        0o400,
        le,
        Content::Settings(|state, out| {
            for key in state.identity_keys.iter() {
                le_typed(out, &key.peer);
                seq_print!(out, " ");
                joined(out, key.value.octets());
                seq_print!(out, " ");
                line(out, key.rpa);
            }
        }),
    ),
    row(
        c"long_term_keys",
        0o400,
        le,
        Content::Settings(|state, out| {
            for key in state.long_term_keys.iter() {
                le_typed(out, &key.peer);
                seq_print!(
                    out,
                    " {} 0x{:02x} {} {:04x} {:016x} ",
                    u8::from(key.authenticated),
                    key.kind,
                    key.enc_size,
                    key.ediv,
                    key.rand
                );
                joined(out, key.value.octets());
                seq_print!(out, "\n");
            }
        }),
    ),
];

/// Who the controller is to peers that have its identity resolving key, and the key.
fn identity(dev: &Device, out: &SeqFile) -> Result {
    let (kind, own) = update::address::identity(dev);
    let state = dev.state();
    addr(out, own);
    seq_print!(out, " (type {}) ", kind.0);
    joined(out, state.irk.octets());
    seq_print!(out, " ");
    line(out, state.rpa);
    Ok(())
}

/// The pages of LMP features that there are, and those of LE.
fn features(dev: &Device, out: &SeqFile) -> Result {
    let info = dev.info()?;
    let pages = usize::from(info.max_page).saturating_add(1);
    for (number, page) in info.features.pages.iter().enumerate().take(pages) {
        seq_print!(out, "{number:2}:");
        spaced(out, &page.0);
        seq_print!(out, "\n");
    }
    if info.le_capable() {
        seq_print!(out, "LE:");
        spaced(out, &info.le_features.page0());
        seq_print!(out, "\n");
    }
    Ok(())
}

fn info_string(text: Option<&CStr>, out: &SeqFile) -> Result {
    seq_print!(out, "{}\n", text.unwrap_or(c""));
    Ok(())
}

fn addr(out: &SeqFile, addr: BdAddr) {
    let [a, b, c, d, e, f] = addr.0;
    seq_print!(out, "{f:02x}:{e:02x}:{d:02x}:{c:02x}:{b:02x}:{a:02x}");
}

fn line(out: &SeqFile, which: BdAddr) {
    addr(out, which);
    seq_print!(out, "\n");
}

fn typed(out: &SeqFile, peer: &Peer) {
    addr(out, peer.addr);
    seq_print!(out, " (type {})", peer.kind as u8);
}

/// With the kind of address as HCI counts those of LE.
fn le_typed(out: &SeqFile, peer: &Peer) {
    let random = peer.kind == AddressType::LeRandom;
    addr(out, peer.addr);
    seq_print!(out, " (type {})", u8::from(random));
}

fn le_peers(out: &SeqFile, peers: &[Peer]) {
    for peer in peers {
        le_typed(out, peer);
        seq_print!(out, "\n");
    }
}

fn peers(out: &SeqFile, peers: &[Peer]) {
    for peer in peers {
        typed(out, peer);
        seq_print!(out, "\n");
    }
}

/// As `enum` of the driver ABI's `hci_conn_params.auto_connect` counts them.
fn as_number(auto_connect: AutoConnect) -> u8 {
    match auto_connect {
        AutoConnect::Disabled => 0,
        AutoConnect::Report => 1,
        AutoConnect::Direct => 2,
        AutoConnect::Always => 3,
    }
}
