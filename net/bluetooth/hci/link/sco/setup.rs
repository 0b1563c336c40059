// SPDX-License-Identifier: GPL-2.0

//! What a controller is asked for, for an audio link.

use super::{
    failed,
    Audio,
    Ladder,
    ScoLink,
    Stage,
    ANSWER_MS,
    ESCO_LINK, //
};
use crate::{
    driver::params::DISABLE_ESCO,
    hci::{
        command,
        device::{
            with_worker,
            Device, //
        },
        link::bredr,
        sequence,
        session::Session, //
    }, //
};
use engine::sco::{
    acceptance,
    coding,
    packet,
    Parameters,
    Setup,
    BANDWIDTH,
    FRAME_SIZE,
    PCM_FORMAT,
    SAMPLE_SIZE, //
};
use kernel::prelude::*;
use kernel_ext::{
    hci::{
        Codec,
        Quirk,
        CODEC_CONFIG_MAX, //
    },
    time::now_ms,
    workqueue::Worker, //
};
use wire::hci::{
    host_control::ConfigureDataPath,
    link_control::{
        AcceptConnectionRequest,
        AcceptSyncConnectionRequest,
        AddScoConnection,
        CodingFormat,
        EnhancedSetupSyncConnection,
        SetupSyncConnection, //
    },
    CommandBit,
    ConnHandle,
    Request,
    Status, //
};

/// Packet types of SCO in the numbering of Create Connection (`SCO_PTYPE_MASK`).
const SCO_PACKET_TYPES: u16 = 0x00e0;

/// Whether the controller is told of codecs (7.1.45).
pub(crate) fn takes_codecs(dev: &Device) -> bool {
    !dev.quirk(Quirk::BROKEN_ENHANCED_SETUP_SYNC_CONN)
        && dev
            .info()
            .is_ok_and(|i| i.supports(CommandBit::ENHANCED_SETUP_SYNC_CONNECTION))
}

/// How audio is to go over the air: as the codec says where the controller is told of it, else as
/// the voice setting says.
///
/// # Errors
///
/// `EINVAL` for a codec or a coding that there are no parameters for.
pub(super) fn audio(dev: &Device, setting: u16, codec: &Codec) -> Result<Audio> {
    if takes_codecs(dev) {
        coding(codec.id).map(|c| c.audio).ok_or(EINVAL)
    } else {
        Audio::of_setting(setting).ok_or(EINVAL)
    }
}

/// The packet types that a link of a kind may use, in the numbering of Setup Synchronous
/// Connection; `kind` is `SCO_LINK` or `ESCO_LINK`.
pub(super) fn packet_types(dev: &Device, kind: u8) -> u16 {
    let types = dev.state().esco_type;
    if kind == ESCO_LINK {
        types & !packet::NO_EDR
    } else {
        types & (packet::SCO | packet::NO_EDR)
    }
}

/// Begins to set a link up, if its ACL link is ready; else it waits on. One that is in sniff mode
/// is to leave it first, unless it would not (`at_last`).
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn begin(dev: &Device, worker: &mut Worker<'_>, id: u64, at_last: bool) -> Result {
    let table = dev.links.get(worker).ok_or(ENODEV)?;
    let Some(acl) = table.audio(id).map(|l| l.acl) else {
        return Ok(());
    };
    let Some(acl) = table.by_id(acl) else {
        return Ok(());
    };
    let Some(handle) = acl.handle.filter(|_| acl.is_connected()) else {
        return Ok(());
    };
    if (acl.sniff || acl.mode_pending) && !at_last {
        bredr::data_passes(dev, worker, handle.get());
        return Ok(());
    }
    let (peer_esco, peer_2m) = (acl.features.esco(), acl.features.edr_esco_2m());
    let own_esco = dev.info()?.features.esco();
    let Some(link) = table.audio(id) else {
        return Ok(());
    };
    link.ladder = Ladder::new(
        audio(dev, link.setting, &link.codec)?,
        own_esco,
        peer_esco && !DISABLE_ESCO.get(),
        peer_2m,
    );
    if link.codec.data_path == 0 {
        return match attempt(dev, worker, id)? {
            true => Ok(()),
            false => Err(EINVAL),
        };
    }
    // Not to be begun twice.
    link.stage = Stage::Connecting;
    let codec = link.codec;
    sequence(dev, move |session| {
        // Should that fail, the controller may know what to do all the same.
        let _ = configure(session, &codec);
        let dev = session.dev();
        let _ = with_worker(dev, |worker| {
            if !matches!(attempt(dev, worker, id), Ok(true)) {
                failed(dev, worker, id, Status::UNSPECIFIED);
            }
        });
    })
}

/// Tells the controller where the audio comes from and goes to (7.3.101), if the driver knows how.
///
/// # Errors
///
/// What the driver or the controller says.
fn configure(session: &Session<'_>, codec: &Codec) -> Result {
    let mut config = [0; CODEC_CONFIG_MAX];
    let Some(len) = session.codec_config(codec, &mut config) else {
        return Ok(());
    };
    let len = len?;
    let data_path = session.data_path_id().ok_or(EOPNOTSUPP)??;
    let mut command = ConfigureDataPath {
        direction: 0,
        data_path,
        vendor_len: u8::try_from(len).map_err(|_| EINVAL)?,
        vendor_config: [0; 252],
    };
    let from = config.get(..len).ok_or(EINVAL)?;
    let to = command.vendor_config.get_mut(..len).ok_or(EINVAL)?;
    to.copy_from_slice(from);
    let input = session.send(&command);
    command.direction = 1;
    session.send(&command)?;
    Ok(input?)
}

fn send<R: Request>(dev: &Device, request: &R) -> Result {
    command::send_detached(dev, R::OPCODE, request.params())
}

/// Asks for a link with the next set of parameters. `false`: there is none left, or the link is not
/// wanted any more.
///
/// # Errors
///
/// `ENOMEM`, `ENODEV`.
pub(super) fn attempt(dev: &Device, worker: &mut Worker<'_>, id: u64) -> Result<bool> {
    let types = dev.state().pkt_type & SCO_PACKET_TYPES;
    let table = dev.links.get(worker).ok_or(ENODEV)?;
    let Some(acl) = table.audio(id).map(|l| l.acl) else {
        return Ok(false);
    };
    let Some(acl) = table.by_id(acl).and_then(|l| l.handle) else {
        return Ok(false);
    };
    let Some(link) = table.audio(id) else {
        return Ok(false);
    };
    if !matches!(link.stage, Stage::Waiting | Stage::Connecting) {
        return Ok(false);
    }
    let Some(next) = link.ladder.next(types) else {
        return Ok(false);
    };
    link.stage = Stage::Connecting;
    match next {
        Setup::AddSco(packet_types) => send(
            dev,
            &AddScoConnection {
                handle: acl,
                packet_type: packet_types.into(),
            },
        )?,
        Setup::Synchronous(p) if takes_codecs(dev) => {
            send(dev, &enhanced(acl, &link.codec, &p).ok_or(EINVAL)?)?;
        }
        Setup::Synchronous(p) => send(
            dev,
            &SetupSyncConnection {
                handle: acl,
                tx_bandwidth: BANDWIDTH.into(),
                rx_bandwidth: BANDWIDTH.into(),
                max_latency: p.max_latency.into(),
                voice_setting: link.setting.into(),
                retransmission_effort: p.retransmission,
                packet_type: p.packet_types.into(),
            },
        )?,
    }
    Ok(true)
}

/// Enhanced Setup Synchronous Connection (7.1.45).
fn enhanced(acl: ConnHandle, codec: &Codec, p: &Parameters) -> Option<EnhancedSetupSyncConnection> {
    let coding = coding(codec.id)?;
    let format = |id| CodingFormat {
        id,
        company: 0.into(),
        vendor_codec: 0.into(),
    };
    Some(EnhancedSetupSyncConnection {
        handle: acl,
        tx_bandwidth: BANDWIDTH.into(),
        rx_bandwidth: BANDWIDTH.into(),
        tx_coding_format: format(coding.air),
        rx_coding_format: format(coding.air),
        tx_codec_frame_size: FRAME_SIZE.into(),
        rx_codec_frame_size: FRAME_SIZE.into(),
        in_bandwidth: coding.host_bandwidth.into(),
        out_bandwidth: coding.host_bandwidth.into(),
        in_coding_format: format(coding.host),
        out_coding_format: format(coding.host),
        in_coded_data_size: SAMPLE_SIZE.into(),
        out_coded_data_size: SAMPLE_SIZE.into(),
        in_pcm_data_format: PCM_FORMAT,
        out_pcm_data_format: PCM_FORMAT,
        in_pcm_sample_payload_msb_position: 0,
        out_pcm_sample_payload_msb_position: 0,
        in_data_path: codec.data_path,
        out_data_path: codec.data_path,
        in_transport_unit_size: coding.unit,
        out_transport_unit_size: coding.unit,
        max_latency: p.max_latency.into(),
        packet_type: p.packet_types.into(),
        retransmission_effort: p.retransmission,
    })
}

/// The controller turned out not to know a command: the same attempt without it, if there is a
/// way.
pub(super) fn without_enhanced(dev: &Device, worker: &mut Worker<'_>, id: u64) -> Result<bool> {
    if takes_codecs(dev) {
        return Ok(false);
    }
    if let Some(link) = dev.links.get(worker).and_then(|t| t.audio(id)) {
        if link.stage == Stage::Connecting {
            link.stage = Stage::Waiting;
        }
    }
    begin(dev, worker, id, true)?;
    Ok(true)
}

/// Accepts what a peer asks for (7.1.8, 7.1.27).
pub(super) fn accept(dev: &Device, link: &mut ScoLink) {
    let bdaddr = link.peer;
    link.stage = Stage::Accepting;
    link.late_at = Some(now_ms().saturating_add(ANSWER_MS));
    if !dev.info().is_ok_and(|info| info.features.esco()) {
        // The role is not looked at.
        return super::send(dev, &AcceptConnectionRequest { bdaddr, role: 0 });
    }
    let p = acceptance(link.setting, link.packet_types);
    super::send(
        dev,
        &AcceptSyncConnectionRequest {
            bdaddr,
            tx_bandwidth: BANDWIDTH.into(),
            rx_bandwidth: BANDWIDTH.into(),
            max_latency: p.max_latency.into(),
            voice_setting: link.setting.into(),
            retransmission_effort: p.retransmission,
            packet_type: p.packet_types.into(),
        },
    );
}

/// The PHYs that a link may use (`BT_PHY_*`), by its kind and packet types.
pub(super) fn phys(kind: u8, packet_types: u16) -> u32 {
    let mut phys = 1 << 0;
    if kind != ESCO_LINK {
        return phys;
    }
    /// Bits of `BT_PHY`, with the types that they stand for if none of these is in the set: as
    /// user space has always been told.
    const TYPES: [(u16, u32); 5] = [
        (packet::EV4 | packet::EV5, 1 << 1),
        (packet::NO_2EV3, 1 << 3),
        (packet::NO_2EV5, 1 << 4),
        (packet::NO_3EV3, 1 << 6),
        (packet::NO_3EV5, 1 << 7),
    ];
    for (types, phy) in TYPES {
        if packet_types & types == 0 {
            phys |= phy;
        }
    }
    phys
}
