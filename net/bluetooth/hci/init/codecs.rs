// SPDX-License-Identifier: GPL-2.0

//! The audio codecs that the controller has (Vol 4 Part E 7.4.8, 7.4.10), for offloaded audio.

use super::{
    BringUp,
    Can,
    Outcome, //
};
use kernel::prelude::*;
use kernel_ext::vec::VecExt;
use wire::hci::{
    info_params::{
        ReadLocalCodecCapabilities,
        ReadLocalCodecs,
        ReadLocalCodecsV2, //
    },
    CommandBit, //
};

/// Coding format of a vendor's codec (Assigned Numbers 2.11).
const VENDOR: u8 = 0xff;
/// Transports: ACL, SCO and eSCO; the only ones of controllers that do not tell.
const BREDR_TRANSPORTS: u8 = 0x03;
/// How many transports there are.
const TRANSPORTS: u8 = 4;

/// A codec on a transport.
pub(crate) struct LocalCodec {
    /// Coding format; 0xff for a vendor's.
    pub(crate) id: u8,
    /// A vendor's company identifier and codec.
    pub(crate) company: u16,
    pub(crate) vendor_codec: u16,
    /// 0 ACL, 1 SCO and eSCO, 2 CIS, 3 BIS.
    pub(crate) transport: u8,
    /// How many capabilities there are, and the capabilities, each with its length in front.
    pub(crate) capabilities: u8,
    pub(crate) raw_capabilities: KVec<u8>,
}

/// Reads the codecs and what each can do.
pub(super) fn read(up: &BringUp<'_, '_>) -> Outcome {
    let can = up.can()?;
    up.dev().state().codecs.clear();
    if can.knows(CommandBit::READ_LOCAL_CODECS_V2) {
        let Some(codecs) = up.may(&ReadLocalCodecsV2 {})? else {
            return Ok(());
        };
        for codec in codecs.standard.as_slice() {
            codec_on(up, &can, (codec.id, 0, 0), codec.transports)?;
        }
        for codec in codecs.vendor.as_slice() {
            let name = (VENDOR, codec.company.get(), codec.codec.get());
            codec_on(up, &can, name, codec.transports)?;
        }
    } else if can.knows(CommandBit::READ_LOCAL_CODECS) {
        let Some(codecs) = up.may(&ReadLocalCodecs {})? else {
            return Ok(());
        };
        for id in codecs.standard.as_slice() {
            codec_on(up, &can, (*id, 0, 0), BREDR_TRANSPORTS)?;
        }
        for codec in codecs.vendor.as_slice() {
            let name = (VENDOR, codec.company.get(), codec.codec.get());
            codec_on(up, &can, name, BREDR_TRANSPORTS)?;
        }
    }
    Ok(())
}

/// Notes a codec for each of its transports.
fn codec_on(
    up: &BringUp<'_, '_>,
    can: &Can<'_>,
    (codec_id, company, vendor_codec): (u8, u16, u16),
    transports: u8,
) -> Outcome {
    for transport in 0..TRANSPORTS {
        if transports & 1u8.wrapping_shl(transport.into()) == 0 {
            continue;
        }
        let mut codec = LocalCodec {
            id: codec_id,
            company,
            vendor_codec,
            transport,
            capabilities: 0,
            raw_capabilities: KVec::new(),
        };
        if can.knows(CommandBit::READ_LOCAL_CODEC_CAPABILITIES) {
            let reply = up.may(&ReadLocalCodecCapabilities {
                codec_id,
                company: company.into(),
                vendor_codec: vendor_codec.into(),
                transport,
                direction: 0,
            })?;
            let Some(reply) = reply else { continue };
            codec.capabilities = reply.count;
            codec.raw_capabilities.append_all(reply.raw.as_slice())?;
        }
        up.dev().state().codecs.append(codec)?;
    }
    Ok(())
}
