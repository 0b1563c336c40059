// SPDX-License-Identifier: GPL-2.0

//! Informational parameters (Vol 4 Part E 7.4).

use zerocopy::little_endian::U16;

use super::{
    counted,
    features::LmpPage,
    Opcode,
    Reply,
    SupportedCommands,
    U24, //
};
use crate::{
    BdAddr,
    Bounded,
    Bytes,
    Malformed,
    Reader, //
};

layout! {
    /// Reply of [`ReadLocalVersion`].
    LocalVersion {
        hci_version: u8,
        hci_revision: U16,
        lmp_version: u8,
        /// Company identifier.
        manufacturer: U16,
        lmp_subversion: U16,
    }
    /// Reply of [`ReadLocalExtFeatures`].
    LocalExtFeatures {
        page: u8,
        max_page: u8,
        features: LmpPage,
    }
    /// Reply of [`ReadBufferSize`].
    BufferSize {
        /// Greatest length of the data in an ACL packet, in bytes.
        acl_len: U16,
        /// Greatest length of the data in a SCO packet, in bytes.
        sco_len: u8,
        /// How many ACL packets the controller can hold.
        acl_packets: U16,
        /// How many SCO packets the controller can hold.
        sco_packets: U16,
    }
    /// Reply of [`ReadDataBlockSize`].
    DataBlockSize {
        max_acl_len: U16,
        block_len: U16,
        blocks: U16,
    }
    /// Reply of [`ReadLocalPairingOptions`].
    PairingOptions {
        /// Bit 0: the controller checks remote public keys.
        options: u8,
        /// In bytes.
        max_encryption_key_size: u8,
    }
    /// A vendor's codec.
    VendorCodec {
        company: U16,
        codec: U16,
    }
    /// A standard codec and the transports it can be used on.
    CodecV2 {
        /// Coding format (Assigned Numbers 2.11).
        id: u8,
        /// Bit 0 ACL, 1 SCO and eSCO, 2 CIS, 3 BIS.
        transports: u8,
    }
    /// A vendor's codec and the transports it can be used on.
    VendorCodecV2 {
        company: U16,
        codec: U16,
        /// As in [`CodecV2`].
        transports: u8,
    }
}

command! {
    /// Read Local Version Information (7.4.1).
    struct ReadLocalVersion(Opcode::READ_LOCAL_VERSION) => LocalVersion;
    /// Read Local Supported Commands (7.4.2).
    struct ReadLocalCommands(Opcode::READ_LOCAL_COMMANDS) => SupportedCommands;
    /// Read Local Supported Features (7.4.3).
    struct ReadLocalFeatures(Opcode::READ_LOCAL_FEATURES) => LmpPage;
    /// Read Local Extended Features (7.4.4).
    struct ReadLocalExtFeatures(Opcode::READ_LOCAL_EXT_FEATURES) { pub page: u8 } => LocalExtFeatures;
    /// Read Buffer Size (7.4.5).
    struct ReadBufferSize(Opcode::READ_BUFFER_SIZE) => BufferSize;
    /// Read BD_ADDR (7.4.6).
    struct ReadBdAddr(Opcode::READ_BD_ADDR) => BdAddr;
    /// Read Data Block Size (7.4.7).
    struct ReadDataBlockSize(Opcode::READ_DATA_BLOCK_SIZE) => DataBlockSize;
    /// Read Local Supported Codecs v1 (7.4.8).
    struct ReadLocalCodecs(Opcode::READ_LOCAL_CODECS) => LocalCodecs;
    /// Read Local Simple Pairing Options (7.4.9).
    struct ReadLocalPairingOptions(Opcode::READ_LOCAL_PAIRING_OPTS) => PairingOptions;
    /// Read Local Supported Codecs v2 (7.4.8).
    struct ReadLocalCodecsV2(Opcode::READ_LOCAL_CODECS_V2) => LocalCodecsV2;
    /// Read Local Supported Codec Capabilities (7.4.10).
    struct ReadLocalCodecCapabilities(Opcode::READ_LOCAL_CODEC_CAPS) {
        pub codec_id: u8,
        pub company: U16,
        pub vendor_codec: U16,
        /// 0 ACL, 1 SCO and eSCO, 2 CIS, 3 BIS.
        pub transport: u8,
        /// 0 input (host to controller), 1 output.
        pub direction: u8,
    } => CodecCapabilities;
    /// Read Local Supported Controller Delay (7.4.11).
    struct ReadLocalControllerDelay(Opcode::READ_LOCAL_CTRL_DELAY) {
        pub codec_id: u8,
        pub company: U16,
        pub vendor_codec: U16,
        pub transport: u8,
        pub direction: u8,
        pub config_len: u8,
        pub config: [u8; 246],
    } tail config[config_len] => ControllerDelay;
}

layout! {
    /// Reply of [`ReadLocalControllerDelay`], in microseconds.
    ControllerDelay {
        min: U24,
        max: U24,
    }
}

/// Reply of [`ReadLocalCodecs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalCodecs {
    /// Coding formats (Assigned Numbers 2.11).
    pub standard: Bytes<252>,
    /// Vendors' codecs.
    pub vendor: Bounded<VendorCodec, 62>,
}

/// Reply of [`ReadLocalCodecsV2`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalCodecsV2 {
    /// Standard codecs.
    pub standard: Bounded<CodecV2, 125>,
    /// Vendors' codecs.
    pub vendor: Bounded<VendorCodecV2, 50>,
}

impl Reply for LocalCodecs {
    fn parse(params: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("local codecs", params);
        Ok(Self {
            standard: counted(&mut reader)?,
            vendor: counted(&mut reader)?,
        })
    }
}

impl Reply for LocalCodecsV2 {
    fn parse(params: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("local codecs", params);
        Ok(Self {
            standard: counted(&mut reader)?,
            vendor: counted(&mut reader)?,
        })
    }
}

/// Reply of [`ReadLocalCodecCapabilities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecCapabilities {
    /// How many capabilities there are.
    pub count: u8,
    /// The capabilities as the controller sent them, each with a length octet in front: checked to be `count` whole ones.
    pub raw: Bytes<251>,
}

impl CodecCapabilities {
    /// Each capability.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + '_ {
        let mut reader = Reader::new("codec capability", self.raw.as_slice());
        core::iter::from_fn(move || {
            let len = usize::from(reader.u8().ok()?);
            reader.bytes(len).ok()
        })
    }
}

impl Reply for CodecCapabilities {
    fn parse(params: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("codec capabilities", params);
        let count = reader.u8()?;
        let list = reader.rest();
        for _ in 0..count {
            let len = usize::from(reader.u8()?);
            reader.bytes(len)?;
        }
        let used = list.len().saturating_sub(reader.remaining());
        let raw = list
            .get(..used)
            .and_then(Bytes::from_slice)
            .ok_or(Malformed::value("codec capabilities", 251, used))?;
        Ok(Self { count, raw })
    }
}
