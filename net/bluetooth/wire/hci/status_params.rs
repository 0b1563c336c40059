// SPDX-License-Identifier: GPL-2.0

//! Status parameters (Vol 4 Part E 7.5) and testing commands (7.6).

use zerocopy::little_endian::{
    U16,
    U32, //
};

use super::{
    ConnHandle,
    Opcode, //
};
layout! {
    /// Reply of [`ReadRssi`].
    Rssi {
        handle: ConnHandle,
        /// In dBm on LE, relative to the golden receive power range on BR/EDR; 127 if unknown.
        rssi: i8,
    }
    /// Reply of [`ReadClock`].
    Clock {
        handle: ConnHandle,
        /// In units of 312.5 us.
        clock: U32,
        /// In units of 312.5 us; 0xffff if unknown.
        accuracy: U16,
    }
    /// Reply of [`ReadEncryptionKeySize`].
    EncryptionKeySize {
        handle: ConnHandle,
        /// In bytes.
        key_size: u8,
    }
}

command! {
    /// Read RSSI (7.5.4).
    struct ReadRssi(Opcode::READ_RSSI) { pub handle: ConnHandle } => Rssi;
    /// Read Clock (7.5.6).
    struct ReadClock(Opcode::READ_CLOCK) {
        pub handle: ConnHandle,
        /// 0 local, 1 piconet.
        pub which: u8,
    } => Clock;
    /// Read Encryption Key Size (7.5.7).
    struct ReadEncryptionKeySize(Opcode::READ_ENC_KEY_SIZE) { pub handle: ConnHandle } => EncryptionKeySize;
    /// Get MWS Transport Layer Configuration (7.5.11).
    struct GetMwsTransportConfig(Opcode::GET_MWS_TRANSPORT_CONFIG) => ();
    /// Enable Device Under Test Mode (7.6.3).
    struct EnableDeviceUnderTestMode(Opcode::ENABLE_DUT_MODE) => ();
    /// Write Simple Pairing Debug Mode (7.6.4).
    struct WriteSimplePairingDebugMode(Opcode::WRITE_SSP_DEBUG_MODE) { pub mode: u8 } => ();
}
