// SPDX-License-Identifier: GPL-2.0

//! Security Manager Protocol (Vol 3 Part H 3).
//!
//! [`Pdu::parse`] takes what a fixed channel delivered; [`Pdu::encode`] makes what is sent on it. Numbers of more than one
//! octet, keys and coordinates among them, are least significant octet first, as on the wire.

use core::fmt;

use zerocopy::{
    little_endian::{
        U16,
        U64, //
    },
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

use crate::{
    hci::Key,
    layout::U8,
    BdAddr,
    Malformed, //
};

/// The fixed channel on LE links (Vol 3 Part A 2.1).
pub const CID_LE: u16 = 0x0006;
/// The fixed channel on BR/EDR links, for deriving LE keys from BR/EDR ones.
pub const CID_BREDR: u16 = 0x0007;
/// The longest PDU, a Pairing Public Key, code included, in octets.
pub const MAX_PDU: usize = 65;
/// The shortest encryption key that any device may ask for, in octets (3.5.1).
pub const MIN_KEY_SIZE: u8 = 7;
/// The longest encryption key, in octets.
pub const MAX_KEY_SIZE: u8 = 16;

/// What a PDU is: its first octet (3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Code {
    PairingRequest = 0x01,
    PairingResponse = 0x02,
    PairingConfirm = 0x03,
    PairingRandom = 0x04,
    PairingFailed = 0x05,
    EncryptionInformation = 0x06,
    CentralIdentification = 0x07,
    IdentityInformation = 0x08,
    IdentityAddressInformation = 0x09,
    SigningInformation = 0x0a,
    SecurityRequest = 0x0b,
    PairingPublicKey = 0x0c,
    PairingDhKeyCheck = 0x0d,
    KeypressNotification = 0x0e,
}

impl Code {
    /// The code with this number, unless it is reserved.
    #[inline]
    pub const fn from_u8(raw: u8) -> Option<Self> {
        Some(match raw {
            0x01 => Self::PairingRequest,
            0x02 => Self::PairingResponse,
            0x03 => Self::PairingConfirm,
            0x04 => Self::PairingRandom,
            0x05 => Self::PairingFailed,
            0x06 => Self::EncryptionInformation,
            0x07 => Self::CentralIdentification,
            0x08 => Self::IdentityInformation,
            0x09 => Self::IdentityAddressInformation,
            0x0a => Self::SigningInformation,
            0x0b => Self::SecurityRequest,
            0x0c => Self::PairingPublicKey,
            0x0d => Self::PairingDhKeyCheck,
            0x0e => Self::KeypressNotification,
            _ => return None,
        })
    }

    /// Its number on the wire.
    #[inline]
    pub const fn to_u8(self) -> u8 {
        self as u8
    }

    /// How many octets follow the code, always.
    #[inline]
    pub const fn body_len(self) -> usize {
        match self {
            Self::PairingRequest | Self::PairingResponse => 6,
            Self::PairingConfirm
            | Self::PairingRandom
            | Self::EncryptionInformation
            | Self::IdentityInformation
            | Self::SigningInformation
            | Self::PairingDhKeyCheck => 16,
            Self::PairingFailed | Self::SecurityRequest | Self::KeypressNotification => 1,
            Self::CentralIdentification => 10,
            Self::IdentityAddressInformation => 7,
            Self::PairingPublicKey => 64,
        }
    }
}

octet! {
    /// What a device can show and read (3.5.1), which also is how HCI and the kernel's user interface number it.
    #[derive(Debug, Default)]
    IoCapability {
        DISPLAY_ONLY = 0x00;
        DISPLAY_YES_NO = 0x01;
        KEYBOARD_ONLY = 0x02;
        NO_INPUT_NO_OUTPUT = 0x03;
        KEYBOARD_DISPLAY = 0x04;
    }
}

bit_set! {
    /// Authentication requirements (3.5.1). Bonding is a field of two bits, of which only the lower is used.
    AuthReq(U8, u8) {
        BONDING = 0;
        MITM = 2;
        SECURE_CONNECTIONS = 3;
        KEYPRESS = 4;
        CT2 = 5;
    }
}

bit_set! {
    /// Which keys a side distributes (3.6.1).
    KeyDistribution(U8, u8) {
        ENC_KEY = 0;
        ID_KEY = 1;
        SIGN_KEY = 2;
        LINK_KEY = 3;
    }
}

octet! {
    /// Why a pairing failed (3.5.5).
    #[derive(Debug)]
    Reason {
        PASSKEY_ENTRY_FAILED = 0x01;
        OOB_NOT_AVAILABLE = 0x02;
        AUTHENTICATION_REQUIREMENTS = 0x03;
        CONFIRM_VALUE_FAILED = 0x04;
        PAIRING_NOT_SUPPORTED = 0x05;
        ENCRYPTION_KEY_SIZE = 0x06;
        COMMAND_NOT_SUPPORTED = 0x07;
        UNSPECIFIED = 0x08;
        REPEATED_ATTEMPTS = 0x09;
        INVALID_PARAMETERS = 0x0a;
        DHKEY_CHECK_FAILED = 0x0b;
        NUMERIC_COMPARISON_FAILED = 0x0c;
        BREDR_PAIRING_IN_PROGRESS = 0x0d;
        CROSS_TRANSPORT_NOT_ALLOWED = 0x0e;
        KEY_REJECTED = 0x0f;
        BUSY = 0x10;
    }
}

octet! {
    /// What happened at the keyboard of the peer (3.5.8).
    #[derive(Debug)]
    Keypress {
        STARTED = 0x00;
        DIGIT_ENTERED = 0x01;
        DIGIT_ERASED = 0x02;
        CLEARED = 0x03;
        COMPLETED = 0x04;
    }
}

layout! {
    /// Pairing Request and Pairing Response, the code not included (3.5.1, 3.5.2).
    Pairing {
        io_capability: IoCapability,
        /// 1 if the peer's out-of-band data is here.
        oob: u8,
        auth_req: AuthReq,
        /// In octets.
        max_key_size: u8,
        initiator_keys: KeyDistribution,
        responder_keys: KeyDistribution,
    }

    /// Central Identification: what names a long term key of legacy pairing (3.6.3).
    CentralIdentification {
        ediv: U16,
        rand: U64,
    }

    /// Identity Address Information (3.6.5).
    IdentityAddress {
        /// 0 for a public address, 1 for a static random one.
        kind: u8,
        address: BdAddr,
    }

    /// Pairing Public Key: a point on P-256, each coordinate least significant octet first (3.5.6).
    PublicKey {
        x: [u8; 32],
        y: [u8; 32],
    }
}

/// A PDU, its code and its length checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pdu<'a> {
    /// Asks for a pairing; from the initiator.
    PairingRequest(&'a Pairing),
    /// Accepts it.
    PairingResponse(&'a Pairing),
    /// Commits to what Pairing Random will show.
    PairingConfirm(&'a Key),
    /// The random number committed to.
    PairingRandom(&'a Key),
    /// The pairing is over.
    PairingFailed(Reason),
    /// A long term key of legacy pairing.
    EncryptionInformation(&'a Key),
    /// What names that key.
    CentralIdentification(&'a CentralIdentification),
    /// An identity resolving key.
    IdentityInformation(&'a Key),
    /// The address that it resolves to.
    IdentityAddressInformation(&'a IdentityAddress),
    /// A signature key.
    SigningInformation(&'a Key),
    /// The peripheral asks the central for security.
    SecurityRequest(AuthReq),
    /// A public key.
    PairingPublicKey(&'a PublicKey),
    /// Proof of the shared secret.
    PairingDhKeyCheck(&'a Key),
    /// Progress of the peer's user.
    KeypressNotification(Keypress),
}

/// Why a frame is no PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Not even a code.
    Empty,
    /// A reserved code: to be ignored (3.3).
    Reserved(u8),
    /// Too short or too long for its code.
    Length(Code, Malformed),
}

impl ParseError {
    /// Its error, where only that is of interest.
    #[inline]
    pub const fn malformed(self) -> Malformed {
        match self {
            Self::Empty => Malformed::short("SMP PDU", 1, 0),
            Self::Reserved(code) => Malformed::value(
                "SMP code",
                Code::KeypressNotification.to_u8() as usize,
                code as usize,
            ),
            Self::Length(_, malformed) => malformed,
        }
    }
}

#[inline]
fn body<T>(code: Code, bytes: &[u8]) -> Result<&T, ParseError>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    T::ref_from_bytes(bytes).map_err(|_| {
        ParseError::Length(
            code,
            Malformed::short("SMP PDU", code.body_len(), bytes.len()),
        )
    })
}

impl<'a> Pdu<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    ///
    /// For an empty frame, a reserved code, and a length that is not exactly the code's.
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Result<Self, ParseError> {
        let (&raw, rest) = frame.split_first().ok_or(ParseError::Empty)?;
        let code = Code::from_u8(raw).ok_or(ParseError::Reserved(raw))?;
        Ok(match code {
            Code::PairingRequest => Self::PairingRequest(body(code, rest)?),
            Code::PairingResponse => Self::PairingResponse(body(code, rest)?),
            Code::PairingConfirm => Self::PairingConfirm(body(code, rest)?),
            Code::PairingRandom => Self::PairingRandom(body(code, rest)?),
            Code::PairingFailed => Self::PairingFailed(*body(code, rest)?),
            Code::EncryptionInformation => Self::EncryptionInformation(body(code, rest)?),
            Code::CentralIdentification => Self::CentralIdentification(body(code, rest)?),
            Code::IdentityInformation => Self::IdentityInformation(body(code, rest)?),
            Code::IdentityAddressInformation => Self::IdentityAddressInformation(body(code, rest)?),
            Code::SigningInformation => Self::SigningInformation(body(code, rest)?),
            Code::SecurityRequest => Self::SecurityRequest(*body(code, rest)?),
            Code::PairingPublicKey => Self::PairingPublicKey(body(code, rest)?),
            Code::PairingDhKeyCheck => Self::PairingDhKeyCheck(body(code, rest)?),
            Code::KeypressNotification => Self::KeypressNotification(*body(code, rest)?),
        })
    }

    /// What it is.
    #[inline]
    pub const fn code(&self) -> Code {
        match self {
            Self::PairingRequest(_) => Code::PairingRequest,
            Self::PairingResponse(_) => Code::PairingResponse,
            Self::PairingConfirm(_) => Code::PairingConfirm,
            Self::PairingRandom(_) => Code::PairingRandom,
            Self::PairingFailed(_) => Code::PairingFailed,
            Self::EncryptionInformation(_) => Code::EncryptionInformation,
            Self::CentralIdentification(_) => Code::CentralIdentification,
            Self::IdentityInformation(_) => Code::IdentityInformation,
            Self::IdentityAddressInformation(_) => Code::IdentityAddressInformation,
            Self::SigningInformation(_) => Code::SigningInformation,
            Self::SecurityRequest(_) => Code::SecurityRequest,
            Self::PairingPublicKey(_) => Code::PairingPublicKey,
            Self::PairingDhKeyCheck(_) => Code::PairingDhKeyCheck,
            Self::KeypressNotification(_) => Code::KeypressNotification,
        }
    }

    /// The frame that carries it.
    #[inline]
    pub fn encode(&self) -> Frame {
        let body = match self {
            Self::PairingRequest(pairing) | Self::PairingResponse(pairing) => pairing.as_bytes(),
            Self::PairingConfirm(key)
            | Self::PairingRandom(key)
            | Self::EncryptionInformation(key)
            | Self::IdentityInformation(key)
            | Self::SigningInformation(key)
            | Self::PairingDhKeyCheck(key) => key.as_bytes(),
            Self::PairingFailed(reason) => reason.as_bytes(),
            Self::CentralIdentification(ident) => ident.as_bytes(),
            Self::IdentityAddressInformation(address) => address.as_bytes(),
            Self::SecurityRequest(auth_req) => auth_req.as_bytes(),
            Self::PairingPublicKey(key) => key.as_bytes(),
            Self::KeypressNotification(keypress) => keypress.as_bytes(),
        };
        Frame::new(self.code(), body)
    }
}

/// A frame to be sent. What it held is overwritten when it is dropped, as it may have been a key; `Debug` shows the code only.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: [u8; MAX_PDU],
    len: usize,
}

impl Frame {
    #[inline]
    fn new(code: Code, body: &[u8]) -> Self {
        let mut frame = Self {
            bytes: [0; MAX_PDU],
            len: 1,
        };
        let [first, rest @ ..] = &mut frame.bytes;
        *first = code.to_u8();
        if let Some(room) = rest.get_mut(..body.len()) {
            room.copy_from_slice(body);
            frame.len = body.len().saturating_add(1);
        }
        frame
    }

    /// Its octets, the code first.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }

    /// Its code.
    #[inline]
    pub const fn code(&self) -> u8 {
        let [code, ..] = self.bytes;
        code
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.bytes = [0; MAX_PDU];
        // The compiler must assume that somebody looks at the zeroes.
        core::hint::black_box(&mut self.bytes);
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame(code 0x{:02x}, {} octets)", self.code(), self.len)
    }
}
