// SPDX-License-Identifier: GPL-2.0

//! Numbers that can be changed while a controller runs. Units are those of the HCI commands that
//! the numbers end in.

use super::{
    always,
    le,
    row,
    Content,
    Row, //
};
use crate::hci::info::Info;
use crate::hci::Device;
use kernel::prelude::*;

/// A number that `get` shows and `set` changes.
macro_rules! number {
    ($name:literal, $when:ident, $member:ident, |$d:ident, $v:ident| $valid:expr) => {
        row(
            $name,
            0o644,
            $when,
            Content::Number {
                get: |d| u64::from(d.$member),
                set: |$d, $v| {
                    if !$valid {
                        return Err(EINVAL);
                    }
                    $d.$member = $v.try_into().map_err(|_| EINVAL)?;
                    Ok(())
                },
            },
        )
    };
}

fn ssp(_: &Device, info: &Info) -> bool {
    info.bredr_capable() && info.features.ssp()
}

fn sniff(_: &Device, info: &Info) -> bool {
    info.bredr_capable() && info.features.sniff()
}

/// Bounds of an LE connection interval, in 1.25 ms (Vol 4 Part E 7.8.12).
const LE_INTERVAL: core::ops::RangeInclusive<u64> = 0x0006..=0x0c80;
/// Bounds of an advertising interval, in 0.625 ms (7.8.5).
const ADV_INTERVAL: core::ops::RangeInclusive<u64> = 0x0020..=0x4000;

pub(super) const ROWS: &[Row] = &[
    number!(c"conn_info_min_age", always, conn_info_min_age, |d, v| {
        v != 0 && v <= u64::from(d.conn_info_max_age)
    }),
    number!(c"conn_info_max_age", always, conn_info_max_age, |d, v| {
        v != 0 && v >= u64::from(d.conn_info_min_age)
    }),
    number!(c"min_encrypt_key_size", ssp, min_enc_key_size, |_d, v| {
        (1..=16).contains(&v)
    }),
    // Milliseconds until a pairing that asks nobody is accepted.
    number!(c"auto_accept_delay", ssp, auto_accept_delay, |_d, v| {
        v <= u64::from(u16::MAX)
    }),
    // Milliseconds: off, or half a second to an hour.
    number!(c"idle_timeout", sniff, idle_timeout, |_d, v| {
        v == 0 || (500..=3_600_000).contains(&v)
    }),
    number!(c"sniff_min_interval", sniff, sniff_min_interval, |d, v| {
        v != 0 && v % 2 == 0 && v <= u64::from(d.sniff_max_interval)
    }),
    number!(c"sniff_max_interval", sniff, sniff_max_interval, |d, v| {
        v != 0 && v % 2 == 0 && v >= u64::from(d.sniff_min_interval)
    }),
    // Seconds: half a minute to a day.
    number!(c"rpa_timeout", le, rpa_timeout, |_d, v| {
        (30..=24 * 60 * 60).contains(&v)
    }),
    number!(c"conn_min_interval", le, le_conn_min_interval, |d, v| {
        LE_INTERVAL.contains(&v) && v <= u64::from(d.le_conn_max_interval)
    }),
    number!(c"conn_max_interval", le, le_conn_max_interval, |d, v| {
        LE_INTERVAL.contains(&v) && v >= u64::from(d.le_conn_min_interval)
    }),
    number!(c"conn_latency", le, le_conn_latency, |_d, v| v <= 0x01f3),
    number!(c"supervision_timeout", le, le_supv_timeout, |_d, v| {
        (0x000a..=0x0c80).contains(&v)
    }),
    number!(c"adv_channel_map", le, le_adv_channel_map, |_d, v| {
        (0x01..=0x07).contains(&v)
    }),
    number!(c"adv_min_interval", le, le_adv_min_interval, |d, v| {
        ADV_INTERVAL.contains(&v) && v <= u64::from(d.le_adv_max_interval)
    }),
    number!(c"adv_max_interval", le, le_adv_max_interval, |d, v| {
        ADV_INTERVAL.contains(&v) && v >= u64::from(d.le_adv_min_interval)
    }),
    // Milliseconds of LE scanning before inquiry.
    number!(
        c"discov_interleaved_timeout",
        le,
        discov_interleaved_timeout,
        |_d, v| v <= 0xffff
    ),
    number!(c"min_key_size", le, le_min_key_size, |d, v| {
        (7..=u64::from(d.le_max_key_size)).contains(&v)
    }),
    number!(c"max_key_size", le, le_max_key_size, |d, v| {
        (u64::from(d.le_min_key_size)..=16).contains(&v)
    }),
    number!(
        c"auth_payload_timeout",
        le,
        auth_payload_timeout,
        |_d, v| (0x0001..=0xffff).contains(&v)
    ),
];
