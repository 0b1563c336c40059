// SPDX-License-Identifier: GPL-2.0

//! Audio links: which parameters to ask for, one attempt after the other, and what the driver has to know.
//!
//! A peer may refuse parameters for many reasons, of which an error code tells little. So a host tries the best set that
//! the profiles know first and falls back step by step (Hands-Free Profile 1.9, 5.7; the names of the sets are its own).

use wire::hci::Status;

/// Packet types of synchronous connections (Vol 4 Part E 7.1.26): the types that may be used, then, inverted, the
/// EDR types that may not.
pub mod packet {
    /// SCO, with the strongest protection.
    pub const HV1: u16 = 0x0001;
    /// SCO.
    pub const HV2: u16 = 0x0002;
    /// SCO, unprotected.
    pub const HV3: u16 = 0x0004;
    /// eSCO.
    pub const EV3: u16 = 0x0008;
    /// eSCO.
    pub const EV4: u16 = 0x0010;
    /// eSCO.
    pub const EV5: u16 = 0x0020;
    /// Not to be used: eSCO at 2 Mb/s.
    pub const NO_2EV3: u16 = 0x0040;
    /// Not to be used: eSCO at 3 Mb/s.
    pub const NO_3EV3: u16 = 0x0080;
    /// Not to be used: eSCO at 2 Mb/s.
    pub const NO_2EV5: u16 = 0x0100;
    /// Not to be used: eSCO at 3 Mb/s.
    pub const NO_3EV5: u16 = 0x0200;
    /// Nothing at 2 or 3 Mb/s.
    pub const NO_EDR: u16 = NO_2EV3 | NO_3EV3 | NO_2EV5 | NO_3EV5;
    /// All SCO types.
    pub const SCO: u16 = HV1 | HV2 | HV3;
}

/// Octets per second of audio over the air, each way: 64 kb/s.
pub const BANDWIDTH: u32 = 8_000;

/// One set of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// See [`packet`].
    pub packet_types: u16,
    /// In milliseconds; 0xffff for any.
    pub max_latency: u16,
    /// 0 none, 1 at least one for power, 2 at least one for quality, 0xff any.
    pub retransmission: u8,
}

const fn set(packet_types: u16, max_latency: u16, retransmission: u8) -> Parameters {
    Parameters {
        packet_types,
        max_latency,
        retransmission,
    }
}

/// CVSD over eSCO: S3, S2, S1, then SCO packets D1 and D0.
const CVSD_ESCO: [Parameters; 5] = [
    set(packet::NO_EDR & !packet::NO_2EV3, 10, 1),
    set(packet::NO_EDR & !packet::NO_2EV3, 7, 1),
    set(packet::NO_EDR | packet::EV3, 7, 1),
    set(packet::NO_EDR | packet::HV3, 0xffff, 1),
    set(packet::NO_EDR | packet::HV1, 0xffff, 1),
];
/// CVSD where one side has no eSCO: D1, D0.
const CVSD_SCO: [Parameters; 2] = [
    set(packet::NO_EDR | packet::HV3, 0xffff, 0xff),
    set(packet::NO_EDR | packet::HV1, 0xffff, 0xff),
];
/// mSBC, and whatever else goes through unchanged: T2, T1.
const TRANSPARENT: [Parameters; 2] = [
    set(packet::NO_EDR & !packet::NO_2EV3, 13, 2),
    set(packet::NO_EDR | packet::EV3, 8, 2),
];

/// Bits 0 and 1 of a voice setting (Vol 4 Part E 6.12): how audio is coded on the air.
const AIR_CODING: u16 = 0x0003;
/// CVSD, in those bits.
const AIR_CVSD: u16 = 0x0000;
/// Nothing done to it, in those bits.
const AIR_TRANSPARENT: u16 = 0x0003;

/// How audio goes over the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audio {
    /// The controller codes it, 8000 samples a second.
    Cvsd,
    /// The host or the controller's codec codes it (mSBC); the controller passes it on.
    Transparent,
}

impl Audio {
    /// What a voice setting asks for; none for the codings that no profile uses.
    #[inline]
    pub const fn of_setting(voice_setting: u16) -> Option<Self> {
        match voice_setting & AIR_CODING {
            AIR_CVSD => Some(Self::Cvsd),
            AIR_TRANSPARENT => Some(Self::Transparent),
            _ => None,
        }
    }

    /// What the controller says the link has (air mode of Synchronous Connection Complete, 7.7.35).
    #[inline]
    pub const fn of_air_mode(air_mode: u8) -> Option<Self> {
        match air_mode {
            0x02 => Some(Self::Cvsd),
            0x03 => Some(Self::Transparent),
            _ => None,
        }
    }
}

/// Codecs that a socket may name (Assigned Numbers 2.11).
pub mod codec {
    /// CVSD.
    pub const CVSD: u8 = 0x02;
    /// Nothing is done to the audio.
    pub const TRANSPARENT: u8 = 0x03;
    /// 16 bit linear.
    pub const LINEAR_PCM: u8 = 0x04;
    /// mSBC.
    pub const MSBC: u8 = 0x05;
}

/// What Enhanced Setup Synchronous Connection has that depends on the codec (7.1.45).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// How audio goes over the air.
    pub audio: Audio,
    /// Coding over the air, both ways.
    pub air: u8,
    /// Coding between host and controller, both ways.
    pub host: u8,
    /// Octets per second between host and controller, each way.
    pub host_bandwidth: u32,
    /// Bits that the controller moves at once between host and controller.
    pub unit: u8,
}

/// Octets of a codec frame.
pub const FRAME_SIZE: u16 = 60;
/// Bits of a sample between host and controller.
pub const SAMPLE_SIZE: u16 = 16;
/// Two's complement.
pub const PCM_FORMAT: u8 = 2;

/// What to ask for with a codec, if it is one that there are parameters for.
#[inline]
pub const fn coding(id: u8) -> Option<Coding> {
    Some(match id {
        codec::CVSD => Coding {
            audio: Audio::Cvsd,
            air: codec::CVSD,
            host: codec::LINEAR_PCM,
            host_bandwidth: 16_000,
            unit: 16,
        },
        codec::TRANSPARENT => Coding {
            audio: Audio::Transparent,
            air: codec::TRANSPARENT,
            host: codec::TRANSPARENT,
            host_bandwidth: BANDWIDTH,
            unit: 1,
        },
        codec::MSBC => Coding {
            audio: Audio::Transparent,
            air: codec::MSBC,
            host: codec::LINEAR_PCM,
            host_bandwidth: 32_000,
            unit: 1,
        },
        _ => return None,
    })
}

/// How a link is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// (Enhanced) Setup Synchronous Connection with these parameters.
    Synchronous(Parameters),
    /// Add SCO Connection, of controllers without eSCO, with these packet types (of Create Connection's numbering).
    AddSco(u16),
}

/// The attempts to set up one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    audio: Audio,
    /// This controller, and the peer, can do eSCO.
    own_esco: bool,
    peer_esco: bool,
    /// The peer can do eSCO at 2 Mb/s.
    peer_2m: bool,
    /// How many sets of parameters were used up.
    used: u8,
}

impl Ladder {
    /// Nothing tried yet.
    pub const fn new(audio: Audio, own_esco: bool, peer_esco: bool, peer_2m: bool) -> Self {
        Self {
            audio,
            own_esco,
            peer_esco,
            peer_2m,
            used: 0,
        }
    }

    /// The sets of parameters that fit. Sets for eSCO at 2 Mb/s are left out where the peer cannot do it; with SCO
    /// alone there is nothing to leave out.
    fn sets(&self) -> &'static [Parameters] {
        match (self.audio, self.peer_esco) {
            (Audio::Transparent, _) => &TRANSPARENT,
            (Audio::Cvsd, true) => &CVSD_ESCO,
            (Audio::Cvsd, false) => &CVSD_SCO,
        }
    }

    /// The next attempt, or `None` if there is nothing left to try. `sco_types` are the packet types for a controller
    /// without eSCO.
    pub fn next(&mut self, sco_types: u16) -> Option<Setup> {
        if !self.own_esco {
            let first = self.used == 0;
            self.used = 1;
            return first.then_some(Setup::AddSco(sco_types));
        }
        let sco_only = self.audio == Audio::Cvsd && !self.peer_esco;
        loop {
            let at = usize::from(self.used);
            let parameters = *self.sets().get(at)?;
            self.used = self.used.saturating_add(1);
            if sco_only || self.peer_2m || parameters.packet_types & packet::NO_2EV3 != 0 {
                return Some(Setup::Synchronous(parameters));
            }
        }
    }

    /// Whether an attempt that failed with this error may succeed with other parameters.
    pub fn goes_on(&self, status: Status) -> bool {
        self.own_esco
            && matches!(
                status.0,
                // Limited resources, accept time-out, unsupported feature or parameter value, unsupported remote
                // feature, SCO interval rejected, invalid LMP parameters, unspecified error, unsupported LMP parameter.
                0x0d | 0x10 | 0x11 | 0x1a | 0x1c | 0x1e | 0x1f | 0x20
            )
    }

    /// How many attempts were made.
    pub const fn attempts(&self) -> u8 {
        self.used
    }
}

/// What to accept a peer's request with (Accept Synchronous Connection Request, 7.1.27). `voice_setting` is the
/// listener's; `packet_types` are the ones that this host allows.
pub const fn acceptance(voice_setting: u16, packet_types: u16) -> Parameters {
    match Audio::of_setting(voice_setting) {
        Some(Audio::Transparent) => Parameters {
            packet_types,
            // At 2 Mb/s a packet carries twice as much, and may come later.
            max_latency: if packet_types & packet::NO_2EV3 != 0 {
                8
            } else {
                13
            },
            retransmission: 2,
        },
        _ => Parameters {
            packet_types,
            max_latency: 0xffff,
            retransmission: 0xff,
        },
    }
}

/// What a driver has to hear, so that it can reserve bandwidth on its bus (`HCI_NOTIFY_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Notice {
    /// There is a link with CVSD.
    Cvsd = 4,
    /// There is a link with transparent audio.
    Transparent = 5,
    /// The last link is gone.
    Disabled = 6,
}

/// What the driver has to hear of a link that came up: nothing if its audio does not come through the host
/// (`data_path` other than 0), or if there is no link.
pub fn notice_up(status: Status, air_mode: u8, data_path: u8) -> Option<Notice> {
    if data_path != 0 || !status.is_success() {
        return None;
    }
    Some(match Audio::of_air_mode(air_mode)? {
        Audio::Cvsd => Notice::Cvsd,
        Audio::Transparent => Notice::Transparent,
    })
}

/// What the driver has to hear of a link that is gone, and that had this voice setting. `left`: what it heard of one that is
/// still up, if there is any: bandwidth is reserved for that one now, however the other one was coded.
pub fn notice_down(voice_setting: u16, left: Option<Notice>) -> Option<Notice> {
    Audio::of_setting(voice_setting).map(|_| left.unwrap_or(Notice::Disabled))
}
