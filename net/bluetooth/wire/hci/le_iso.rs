// SPDX-License-Identifier: GPL-2.0

//! LE isochronous channel commands (Vol 4 Part E 7.8.96 to 7.8.111).

use zerocopy::little_endian::{
    U16,
    U32, //
};

use super::{
    ConnHandle,
    Key,
    Opcode,
    Status,
    U24, //
};
use crate::{
    Bounded,
    Malformed,
    Reader, //
};

layout! {
    /// Reply of [`LeReadIsoTxSync`].
    IsoTxSync {
        handle: ConnHandle,
        sequence: U16,
        /// In microseconds.
        timestamp: U32,
        /// In microseconds.
        offset: U24,
    }
    /// A stream of [`LeSetCigParams`].
    CisParams {
        cis_id: u8,
        /// In bytes, central to peripheral.
        c_sdu: U16,
        /// In bytes, peripheral to central.
        p_sdu: U16,
        c_phys: u8,
        p_phys: u8,
        /// Retransmissions.
        c_rtn: u8,
        p_rtn: u8,
    }
    /// A stream of [`LeCreateCis`] and the connection that carries it.
    CisPair {
        cis: ConnHandle,
        acl: ConnHandle,
    }
    /// The streams of [`LeCreateBig`].
    BisParams {
        /// In microseconds.
        sdu_interval: U24,
        /// In bytes.
        sdu: U16,
        /// In milliseconds.
        latency: U16,
        rtn: u8,
        phy: u8,
        packing: u8,
        framing: u8,
        encryption: u8,
        broadcast_code: Key,
    }
}

command! {
    /// LE Read ISO TX Sync (7.8.96).
    struct LeReadIsoTxSync(Opcode::LE_READ_ISO_TX_SYNC) { pub handle: ConnHandle } => IsoTxSync;
    /// LE Set CIG Parameters (7.8.97).
    struct LeSetCigParams(Opcode::LE_SET_CIG_PARAMS) {
        pub cig_id: u8,
        /// In microseconds.
        pub c_interval: U24,
        pub p_interval: U24,
        pub sca: u8,
        pub packing: u8,
        pub framing: u8,
        /// In milliseconds.
        pub c_latency: U16,
        pub p_latency: U16,
        pub num_cis: u8,
        pub cis: [CisParams; 26],
    } tail cis[num_cis] => CigHandles;
    /// LE Create CIS (7.8.99).
    struct LeCreateCis(Opcode::LE_CREATE_CIS) { pub num_cis: u8, pub cis: [CisPair; 31] } tail cis[num_cis] => status;
    /// LE Remove CIG (7.8.100).
    struct LeRemoveCig(Opcode::LE_REMOVE_CIG) { pub cig_id: u8 } => ();
    /// LE Accept CIS Request (7.8.101).
    struct LeAcceptCisRequest(Opcode::LE_ACCEPT_CIS) { pub handle: ConnHandle } => status;
    /// LE Reject CIS Request (7.8.102).
    struct LeRejectCisRequest(Opcode::LE_REJECT_CIS) { pub handle: ConnHandle, pub reason: Status } => ();
    /// LE Create BIG (7.8.103).
    struct LeCreateBig(Opcode::LE_CREATE_BIG) {
        pub handle: u8,
        pub adv_handle: u8,
        pub num_bis: u8,
        pub bis: BisParams,
    } => status;
    /// LE Terminate BIG (7.8.105).
    struct LeTerminateBig(Opcode::LE_TERM_BIG) { pub handle: u8, pub reason: Status } => status;
    /// LE BIG Create Sync (7.8.106).
    struct LeBigCreateSync(Opcode::LE_BIG_CREATE_SYNC) {
        pub handle: u8,
        pub sync_handle: ConnHandle,
        pub encryption: u8,
        pub broadcast_code: Key,
        pub mse: u8,
        /// In units of 10 ms.
        pub timeout: U16,
        pub num_bis: u8,
        pub bis: [u8; 31],
    } tail bis[num_bis] => status;
    /// LE BIG Terminate Sync (7.8.107).
    struct LeBigTerminateSync(Opcode::LE_BIG_TERM_SYNC) { pub handle: u8 } => ();
    /// LE Setup ISO Data Path (7.8.109).
    struct LeSetupIsoDataPath(Opcode::LE_SETUP_ISO_PATH) {
        pub handle: ConnHandle,
        /// 0 input (host to controller), 1 output.
        pub direction: u8,
        pub path: u8,
        pub codec: u8,
        pub company: U16,
        pub vendor_codec: U16,
        /// In microseconds.
        pub delay: U24,
        pub config_len: u8,
        pub config: [u8; 242],
    } tail config[config_len] => ConnHandle;
    /// LE Remove ISO Data Path (7.8.110).
    struct LeRemoveIsoDataPath(Opcode::LE_REMOVE_ISO_PATH) { pub handle: ConnHandle, pub directions: u8 } => ();
}

/// Reply of [`LeSetCigParams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CigHandles {
    /// Which group.
    pub cig_id: u8,
    /// A handle for each stream, in the order of the command.
    pub handles: Bounded<ConnHandle, 31>,
}

impl super::Reply for CigHandles {
    fn parse(params: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("CIG handles", params);
        Ok(Self {
            cig_id: reader.u8()?,
            handles: super::counted(&mut reader)?,
        })
    }
}
