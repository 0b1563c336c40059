// SPDX-License-Identifier: GPL-2.0

//! The commands of the signalling channels (Vol 3 Part A 4).
//!
//! A frame on a signalling channel (C-frame) holds commands: on LE exactly one, on BR/EDR one or more. [`Commands`] takes them
//! apart, [`Command::parse`] reads one, [`Command::encode`] writes one.

mod command;
mod result;

use core::num::NonZeroU8;

use crate::{
    Bytes,
    Malformed,
    Reader, //
};

/// A channel identifier in the lists of commands.
pub use zerocopy::little_endian::U16 as Cid;

pub use command::{
    Command,
    ConfigurationRequest,
    ConfigurationResponse,
    ConnectionParameterUpdateRequest,
    ConnectionParameterUpdateResponse,
    ConnectionRequest,
    ConnectionResponse,
    CreditConnectionRequest,
    CreditConnectionResponse,
    CreditParameters,
    DisconnectionRequest,
    DisconnectionResponse,
    FlowControlCredit,
    InformationRequest,
    InformationResponse,
    LeConnectionRequest,
    LeConnectionResponse,
    ReconfigureRequest,
    ReconfigureResponse,
    Reject, //
};
pub use result::{
    ConfigResult,
    ConnectionResult,
    ConnectionStatus,
    CreditResult,
    InfoResult,
    InfoType,
    ReconfigureResult,
    UpdateResult, //
};

layout! {
    /// What every command starts with (4).
    CommandHeader {
        /// Which command.
        code: u8,
        /// Matches a response to its request.
        ident: u8,
        /// Length of what follows, in octets.
        len: zerocopy::little_endian::U16,
    }
}

/// The most octets of signalling in one frame: all of what we send, and on BR/EDR of what we take (MTUsig, 4).
pub const MTU: usize = 48;
/// Octets of a command's header.
pub const HEADER_SIZE: usize = 4;

/// A command to send: header and data, without the basic header of the frame.
pub type Packet = Bytes<MTU>;

/// The identifier of a command. Zero is not allowed (4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ident(NonZeroU8);

impl Ident {
    /// The identifier with this number, unless it is zero.
    #[inline]
    pub const fn new(raw: u8) -> Option<Self> {
        match NonZeroU8::new(raw) {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }

    /// Its number.
    #[inline]
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

octet! {
    /// Which command (table 4.2).
    #[derive(Debug)]
    Code {
        COMMAND_REJECT = 0x01;
        CONNECTION_REQUEST = 0x02;
        CONNECTION_RESPONSE = 0x03;
        CONFIGURATION_REQUEST = 0x04;
        CONFIGURATION_RESPONSE = 0x05;
        DISCONNECTION_REQUEST = 0x06;
        DISCONNECTION_RESPONSE = 0x07;
        ECHO_REQUEST = 0x08;
        ECHO_RESPONSE = 0x09;
        INFORMATION_REQUEST = 0x0a;
        INFORMATION_RESPONSE = 0x0b;
        /// Of AMP, as all up to 0x11: gone, never understood.
        CREATE_CHANNEL_REQUEST = 0x0c;
        CREATE_CHANNEL_RESPONSE = 0x0d;
        MOVE_CHANNEL_REQUEST = 0x0e;
        MOVE_CHANNEL_RESPONSE = 0x0f;
        MOVE_CHANNEL_CONFIRMATION = 0x10;
        MOVE_CHANNEL_CONFIRMATION_RESPONSE = 0x11;
        CONNECTION_PARAMETER_UPDATE_REQUEST = 0x12;
        CONNECTION_PARAMETER_UPDATE_RESPONSE = 0x13;
        LE_CONNECTION_REQUEST = 0x14;
        LE_CONNECTION_RESPONSE = 0x15;
        FLOW_CONTROL_CREDIT = 0x16;
        CREDIT_CONNECTION_REQUEST = 0x17;
        CREDIT_CONNECTION_RESPONSE = 0x18;
        RECONFIGURE_REQUEST = 0x19;
        RECONFIGURE_RESPONSE = 0x1a;
    }
}

impl Code {
    /// Whether it answers a request of ours: such a one is never answered itself.
    #[inline]
    pub const fn is_response(self) -> bool {
        matches!(
            self,
            Self::COMMAND_REJECT
                | Self::CONNECTION_RESPONSE
                | Self::CONFIGURATION_RESPONSE
                | Self::DISCONNECTION_RESPONSE
                | Self::ECHO_RESPONSE
                | Self::INFORMATION_RESPONSE
                | Self::CREATE_CHANNEL_RESPONSE
                | Self::MOVE_CHANNEL_RESPONSE
                | Self::MOVE_CHANNEL_CONFIRMATION_RESPONSE
                | Self::CONNECTION_PARAMETER_UPDATE_RESPONSE
                | Self::LE_CONNECTION_RESPONSE
                | Self::CREDIT_CONNECTION_RESPONSE
                | Self::RECONFIGURE_RESPONSE
        )
    }
}

/// A command as it stands in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawCommand<'a> {
    /// Which command.
    pub code: Code,
    /// Its identifier.
    pub ident: Ident,
    /// What follows its header, as long as its header says.
    pub data: &'a [u8],
}

/// Why there is no command where one was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// What stands where the identifier would, zero if there is no header.
    pub ident: u8,
    /// What stands where the code would, if there is a header.
    pub code: Option<Code>,
    /// What is wrong.
    pub malformed: Malformed,
}

/// The commands in a frame, one after the other.
///
/// What is corrupt comes as an error, and reading goes on behind it where that is possible.
#[derive(Clone, Copy, Debug)]
pub struct Commands<'a> {
    reader: Reader<'a>,
}

impl<'a> Commands<'a> {
    /// The commands in the payload of a frame.
    #[inline]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self {
            reader: Reader::new("signalling command", payload),
        }
    }

    /// How many bytes were not read yet.
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.reader.remaining()
    }

    /// Gives up what was not read yet.
    #[inline]
    pub fn stop(&mut self) {
        *self = Self::new(&[]);
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = Result<RawCommand<'a>, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let header = match self.reader.view::<CommandHeader>() {
            Ok(header) => header,
            Err(malformed) => {
                self.stop();
                return Some(Err(Corrupt {
                    ident: 0,
                    code: None,
                    malformed,
                }));
            }
        };
        let corrupt = |malformed| Corrupt {
            ident: header.ident,
            code: Some(Code(header.code)),
            malformed,
        };
        Some(match self.reader.bytes(usize::from(header.len.get())) {
            Ok(data) => match Ident::new(header.ident) {
                Some(ident) => Ok(RawCommand {
                    code: Code(header.code),
                    ident,
                    data,
                }),
                None => Err(corrupt(Malformed::value("identifier", 255, 0))),
            },
            Err(malformed) => {
                self.stop();
                Err(corrupt(malformed))
            }
        })
    }
}
