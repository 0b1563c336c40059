// SPDX-License-Identifier: GPL-2.0

//! One command, read or to be written.

use zerocopy::{
    little_endian::U16,
    IntoBytes, //
};

use super::{
    Code,
    ConfigResult,
    ConnectionResult,
    ConnectionStatus,
    CreditResult,
    Ident,
    InfoResult,
    InfoType,
    Packet,
    ReconfigureResult,
    UpdateResult, //
};
use crate::{
    l2cap::{
        FeatureMask,
        FixedChannels,
        Transport, //
    },
    Malformed,
    Reader, //
};

/// A piece of a command.
pub(super) trait Field: Sized {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
    /// Says whether it fitted.
    fn write(&self, packet: &mut Packet) -> bool;
}

impl Field for u16 {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.u16()
    }

    #[inline]
    fn write(&self, packet: &mut Packet) -> bool {
        packet.extend(&self.to_le_bytes())
    }
}

/// Declares commands, or starts of commands, of fixed length.
macro_rules! fixed {
    ($($(#[$attr:meta])* $name:ident { $($(#[$fattr:meta])* $field:ident: $ty:ty,)* })*) => {
        $(
            $(#[$attr])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name { $($(#[$fattr])* pub $field: $ty,)* }

            impl Field for $name {
                #[inline]
                fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                    Ok(Self { $($field: Field::read(reader)?,)* })
                }

                #[inline]
                fn write(&self, packet: &mut Packet) -> bool {
                    true $(&& self.$field.write(packet))*
                }
            }
        )*
    };
}

fixed! {
    /// Asks for a channel (4.2).
    ConnectionRequest {
        /// What it is for.
        psm: u16,
        /// The sender's identifier of the channel.
        scid: u16,
    }

    /// Answers a [`ConnectionRequest`] (4.3).
    ConnectionResponse {
        /// The sender's identifier of the channel; zero if refused.
        dcid: u16,
        /// The identifier from the request.
        scid: u16,
        /// How it ended.
        result: ConnectionResult,
        /// Why it is pending, if it is.
        status: ConnectionStatus,
    }

    /// Ends a channel (4.6).
    DisconnectionRequest {
        /// The receiver's identifier of the channel.
        dcid: u16,
        /// The sender's identifier of the channel.
        scid: u16,
    }

    /// Answers a [`DisconnectionRequest`], with the identifiers as they stand there (4.7).
    DisconnectionResponse {
        /// The identifier of who answers.
        dcid: u16,
        /// The identifier of who is answered.
        scid: u16,
    }

    /// Asks what the other side can do (4.10).
    InformationRequest {
        /// What is asked for.
        info_type: InfoType,
    }

    /// A peripheral asks for other connection parameters (4.20). The fields are those of the HCI command.
    ConnectionParameterUpdateRequest {
        /// Least connection interval, in units of 1.25 ms.
        interval_min: u16,
        /// Greatest connection interval, in units of 1.25 ms.
        interval_max: u16,
        /// Peripheral latency, in connection events.
        latency: u16,
        /// Supervision time-out, in units of 10 ms.
        timeout: u16,
    }

    /// Answers a [`ConnectionParameterUpdateRequest`] (4.21).
    ConnectionParameterUpdateResponse {
        /// How it ended.
        result: UpdateResult,
    }

    /// Asks for a channel in LE credit based flow control mode (4.22).
    LeConnectionRequest {
        /// What it is for.
        spsm: u16,
        /// The sender's identifier of the channel.
        scid: u16,
        /// What the sender takes.
        parameters: CreditParameters,
    }

    /// Answers a [`LeConnectionRequest`] (4.23).
    LeConnectionResponse {
        /// The sender's identifier of the channel; zero if refused.
        dcid: u16,
        /// What the sender takes.
        parameters: CreditParameters,
        /// How it ended.
        result: CreditResult,
    }

    /// What the receiver of a channel with credits takes (4.22).
    CreditParameters {
        /// The longest SDU, in octets.
        mtu: u16,
        /// The longest payload of one frame, in octets.
        mps: u16,
        /// How many frames, to begin with.
        credits: u16,
    }

    /// Allows further frames (4.24).
    FlowControlCredit {
        /// The sender's identifier of the channel.
        cid: u16,
        /// How many.
        credits: u16,
    }

    /// Answers a [`ReconfigureRequest`] (4.28).
    ReconfigureResponse {
        /// How it ended.
        result: ReconfigureResult,
    }
}

/// Refuses a command (4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It was not understood.
    NotUnderstood,
    /// The frame was too long.
    MtuExceeded {
        /// The most octets that the sender takes.
        mtu: u16,
    },
    /// It names a channel that does not exist.
    InvalidCid {
        /// The identifier of who rejects.
        local: u16,
        /// The identifier of who is rejected.
        remote: u16,
    },
    /// Another reason, or one whose data is not there.
    Other(u16),
}

impl Field for Reject {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let reason = reader.u16()?;
        let mut data = *reader;
        Ok(match (reason, data.u16(), data.u16()) {
            (0, _, _) => Self::NotUnderstood,
            (1, Ok(mtu), _) => Self::MtuExceeded { mtu },
            (2, Ok(local), Ok(remote)) => Self::InvalidCid { local, remote },
            _ => Self::Other(reason),
        })
    }

    fn write(&self, packet: &mut Packet) -> bool {
        match *self {
            Self::NotUnderstood => 0u16.write(packet),
            Self::MtuExceeded { mtu } => 1u16.write(packet) && mtu.write(packet),
            Self::InvalidCid { local, remote } => {
                2u16.write(packet) && local.write(packet) && remote.write(packet)
            }
            Self::Other(reason) => reason.write(packet),
        }
    }
}

/// Asks for the options of one direction of a channel (4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationRequest<'a> {
    /// The receiver's identifier of the channel.
    pub dcid: u16,
    /// Flags, of which [`CONTINUATION`](Self::CONTINUATION) has a meaning.
    pub flags: u16,
    /// Options, to be read by [`Options`](crate::l2cap::config::Options).
    pub options: &'a [u8],
}

impl ConfigurationRequest<'_> {
    /// More options follow in another request.
    pub const CONTINUATION: u16 = 0x0001;

    /// Whether more options follow in another request.
    #[inline]
    pub const fn continues(&self) -> bool {
        self.flags & Self::CONTINUATION != 0
    }
}

/// Answers a [`ConfigurationRequest`] (4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationResponse<'a> {
    /// The receiver's identifier of the channel.
    pub scid: u16,
    /// Flags, as in the request.
    pub flags: u16,
    /// How it ended.
    pub result: ConfigResult,
    /// Options, to be read by [`Options`](crate::l2cap::config::Options).
    pub options: &'a [u8],
}

impl ConfigurationResponse<'_> {
    /// Whether more options follow in another response.
    #[inline]
    pub const fn continues(&self) -> bool {
        self.flags & ConfigurationRequest::CONTINUATION != 0
    }
}

/// Answers an [`InformationRequest`] (4.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InformationResponse {
    /// The MTU of the connectionless channel, in octets.
    ConnectionlessMtu(u16),
    /// The extended features.
    Features(FeatureMask),
    /// The fixed channels; the reserved octets are zero.
    FixedChannels(FixedChannels),
    /// There is no answer, or none that has the data it should have.
    None {
        /// What was asked for.
        info_type: InfoType,
        /// How it ended.
        result: InfoResult,
    },
}

impl InformationResponse {
    /// What was asked for.
    #[inline]
    pub const fn info_type(&self) -> InfoType {
        match self {
            Self::ConnectionlessMtu(_) => InfoType::CONNECTIONLESS_MTU,
            Self::Features(_) => InfoType::FEATURES,
            Self::FixedChannels(_) => InfoType::FIXED_CHANNELS,
            Self::None { info_type, .. } => *info_type,
        }
    }
}

impl Field for InformationResponse {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let info_type = InfoType::read(reader)?;
        let result = InfoResult::read(reader)?;
        let mut data = *reader;
        let answer = match (info_type, result) {
            (InfoType::CONNECTIONLESS_MTU, InfoResult::SUCCESS) => {
                data.u16().ok().map(Self::ConnectionlessMtu)
            }
            (InfoType::FEATURES, InfoResult::SUCCESS) => data
                .u32()
                .ok()
                .map(|mask| Self::Features(FeatureMask::from_bits(mask))),
            (InfoType::FIXED_CHANNELS, InfoResult::SUCCESS) => data
                .u8()
                .ok()
                .map(|mask| Self::FixedChannels(FixedChannels::from_bits(mask))),
            _ => None,
        };
        Ok(answer.unwrap_or(Self::None { info_type, result }))
    }

    fn write(&self, packet: &mut Packet) -> bool {
        let result = match self {
            Self::None { result, .. } => *result,
            _ => InfoResult::SUCCESS,
        };
        self.info_type().write(packet)
            && result.write(packet)
            && match self {
                Self::ConnectionlessMtu(mtu) => mtu.write(packet),
                Self::Features(mask) => packet.extend(&mask.bits().to_le_bytes()),
                Self::FixedChannels(mask) => packet.extend(&u64::from(mask.bits()).to_le_bytes()),
                Self::None { .. } => true,
            }
    }
}

/// Asks for channels in enhanced credit based flow control mode (4.25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditConnectionRequest<'a> {
    /// What they are for.
    pub spsm: u16,
    /// What the sender takes, on each of them.
    pub parameters: CreditParameters,
    /// The sender's identifiers of the channels. There should be one to five.
    pub scids: &'a [U16],
}

/// Answers a [`CreditConnectionRequest`] (4.26).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditConnectionResponse<'a> {
    /// What the sender takes, on each of them.
    pub parameters: CreditParameters,
    /// How it ended.
    pub result: CreditResult,
    /// The sender's identifiers of the channels, in the order of the request; zero where there is none. There should be as
    /// many as in the request.
    pub dcids: &'a [U16],
}

/// Changes what the sender takes on channels in enhanced credit based flow control mode (4.27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconfigureRequest<'a> {
    /// The longest SDU, in octets.
    pub mtu: u16,
    /// The longest payload of one frame, in octets.
    pub mps: u16,
    /// The sender's identifiers of the channels. There should be one to five.
    pub scids: &'a [U16],
}

/// The rest as a list of identifiers, without an odd octet at its end.
fn cids<'a>(reader: &mut Reader<'a>) -> Result<&'a [U16], Malformed> {
    reader.views(reader.remaining() / 2)
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Command<'a> {
    Reject(Reject),
    ConnectionRequest(ConnectionRequest),
    ConnectionResponse(ConnectionResponse),
    ConfigurationRequest(ConfigurationRequest<'a>),
    ConfigurationResponse(ConfigurationResponse<'a>),
    DisconnectionRequest(DisconnectionRequest),
    DisconnectionResponse(DisconnectionResponse),
    /// With any data (4.8).
    EchoRequest(&'a [u8]),
    /// With any data (4.9).
    EchoResponse(&'a [u8]),
    InformationRequest(InformationRequest),
    InformationResponse(InformationResponse),
    ConnectionParameterUpdateRequest(ConnectionParameterUpdateRequest),
    ConnectionParameterUpdateResponse(ConnectionParameterUpdateResponse),
    LeConnectionRequest(LeConnectionRequest),
    LeConnectionResponse(LeConnectionResponse),
    FlowControlCredit(FlowControlCredit),
    CreditConnectionRequest(CreditConnectionRequest<'a>),
    CreditConnectionResponse(CreditConnectionResponse<'a>),
    ReconfigureRequest(ReconfigureRequest<'a>),
    ReconfigureResponse(ReconfigureResponse),
    /// One that this transport does not have, or that nobody has.
    Unknown(Code),
}

impl<'a> Command<'a> {
    /// Reads the data of a command. What a command does not have on this transport is [`Unknown`](Self::Unknown).
    ///
    /// # Errors
    ///
    /// Data that is too short, or too long for one of those that are known to have exactly one length. Responses may be
    /// longer, as may BR/EDR connection requests; both occur in practice.
    pub fn parse(transport: Transport, code: Code, data: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("signalling command", data);
        let command = match (transport, code) {
            (_, Code::COMMAND_REJECT) => Self::Reject(Field::read(&mut reader)?),
            (_, Code::DISCONNECTION_REQUEST) => {
                Self::DisconnectionRequest(Field::read(&mut reader)?)
            }
            (_, Code::DISCONNECTION_RESPONSE) => {
                Self::DisconnectionResponse(Field::read(&mut reader)?)
            }
            (Transport::BrEdr, code) => Self::parse_bredr(code, &mut reader)?,
            (Transport::Le, code) => Self::parse_le(code, &mut reader)?,
        };
        if command.is_exact() && !reader.is_empty() {
            let read = data.len().saturating_sub(reader.remaining());
            return Err(Malformed::value("signalling command", read, data.len()));
        }
        Ok(command)
    }

    /// Whether nothing may follow what was read.
    const fn is_exact(&self) -> bool {
        matches!(
            self,
            Self::DisconnectionRequest(_)
                | Self::DisconnectionResponse(_)
                | Self::InformationRequest(_)
                | Self::ConnectionParameterUpdateRequest(_)
                | Self::LeConnectionRequest(_)
                | Self::FlowControlCredit(_)
                | Self::CreditConnectionRequest(_)
                | Self::ReconfigureRequest(_)
        )
    }

    fn parse_bredr(code: Code, reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match code {
            Code::CONNECTION_REQUEST => Self::ConnectionRequest(Field::read(reader)?),
            Code::CONNECTION_RESPONSE => Self::ConnectionResponse(Field::read(reader)?),
            Code::CONFIGURATION_REQUEST => Self::ConfigurationRequest(ConfigurationRequest {
                dcid: reader.u16()?,
                flags: reader.u16()?,
                options: reader.rest(),
            }),
            Code::CONFIGURATION_RESPONSE => Self::ConfigurationResponse(ConfigurationResponse {
                scid: reader.u16()?,
                flags: reader.u16()?,
                result: Field::read(reader)?,
                options: reader.rest(),
            }),
            Code::ECHO_REQUEST => Self::EchoRequest(reader.rest()),
            Code::ECHO_RESPONSE => Self::EchoResponse(reader.rest()),
            Code::INFORMATION_REQUEST => Self::InformationRequest(Field::read(reader)?),
            Code::INFORMATION_RESPONSE => Self::InformationResponse(Field::read(reader)?),
            _ => Self::Unknown(code),
        })
    }

    fn parse_le(code: Code, reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match code {
            Code::CONNECTION_PARAMETER_UPDATE_REQUEST => {
                Self::ConnectionParameterUpdateRequest(Field::read(reader)?)
            }
            Code::CONNECTION_PARAMETER_UPDATE_RESPONSE => {
                Self::ConnectionParameterUpdateResponse(Field::read(reader)?)
            }
            Code::LE_CONNECTION_REQUEST => Self::LeConnectionRequest(Field::read(reader)?),
            Code::LE_CONNECTION_RESPONSE => Self::LeConnectionResponse(Field::read(reader)?),
            Code::FLOW_CONTROL_CREDIT => Self::FlowControlCredit(Field::read(reader)?),
            Code::CREDIT_CONNECTION_REQUEST => {
                Self::CreditConnectionRequest(CreditConnectionRequest {
                    spsm: reader.u16()?,
                    parameters: Field::read(reader)?,
                    scids: cids(reader)?,
                })
            }
            Code::CREDIT_CONNECTION_RESPONSE => {
                Self::CreditConnectionResponse(CreditConnectionResponse {
                    parameters: Field::read(reader)?,
                    result: Field::read(reader)?,
                    dcids: cids(reader)?,
                })
            }
            Code::RECONFIGURE_REQUEST => Self::ReconfigureRequest(ReconfigureRequest {
                mtu: reader.u16()?,
                mps: reader.u16()?,
                scids: cids(reader)?,
            }),
            Code::RECONFIGURE_RESPONSE => Self::ReconfigureResponse(Field::read(reader)?),
            _ => Self::Unknown(code),
        })
    }

    /// Which command it is.
    pub const fn code(&self) -> Code {
        match self {
            Self::Reject(_) => Code::COMMAND_REJECT,
            Self::ConnectionRequest(_) => Code::CONNECTION_REQUEST,
            Self::ConnectionResponse(_) => Code::CONNECTION_RESPONSE,
            Self::ConfigurationRequest(_) => Code::CONFIGURATION_REQUEST,
            Self::ConfigurationResponse(_) => Code::CONFIGURATION_RESPONSE,
            Self::DisconnectionRequest(_) => Code::DISCONNECTION_REQUEST,
            Self::DisconnectionResponse(_) => Code::DISCONNECTION_RESPONSE,
            Self::EchoRequest(_) => Code::ECHO_REQUEST,
            Self::EchoResponse(_) => Code::ECHO_RESPONSE,
            Self::InformationRequest(_) => Code::INFORMATION_REQUEST,
            Self::InformationResponse(_) => Code::INFORMATION_RESPONSE,
            Self::ConnectionParameterUpdateRequest(_) => Code::CONNECTION_PARAMETER_UPDATE_REQUEST,
            Self::ConnectionParameterUpdateResponse(_) => {
                Code::CONNECTION_PARAMETER_UPDATE_RESPONSE
            }
            Self::LeConnectionRequest(_) => Code::LE_CONNECTION_REQUEST,
            Self::LeConnectionResponse(_) => Code::LE_CONNECTION_RESPONSE,
            Self::FlowControlCredit(_) => Code::FLOW_CONTROL_CREDIT,
            Self::CreditConnectionRequest(_) => Code::CREDIT_CONNECTION_REQUEST,
            Self::CreditConnectionResponse(_) => Code::CREDIT_CONNECTION_RESPONSE,
            Self::ReconfigureRequest(_) => Code::RECONFIGURE_REQUEST,
            Self::ReconfigureResponse(_) => Code::RECONFIGURE_RESPONSE,
            Self::Unknown(code) => *code,
        }
    }

    /// The command with its header, or none if it is longer than [`MTU`](super::MTU).
    pub fn encode(&self, ident: Ident) -> Option<Packet> {
        self.encode_raw(ident.get())
    }

    /// As [`encode`](Self::encode), for the one case that an identifier is not one: a reject of what had none.
    pub fn encode_raw(&self, ident: u8) -> Option<Packet> {
        let mut data = Packet::new();
        if !self.write(&mut data) {
            return None;
        }
        let len = u16::try_from(data.len()).ok()?;
        let [low, high] = len.to_le_bytes();
        let mut packet = Packet::new();
        let fits =
            packet.extend(&[self.code().0, ident, low, high]) && packet.extend(data.as_slice());
        fits.then_some(packet)
    }

    fn write(&self, packet: &mut Packet) -> bool {
        match self {
            Self::Reject(command) => command.write(packet),
            Self::ConnectionRequest(command) => command.write(packet),
            Self::ConnectionResponse(command) => command.write(packet),
            Self::ConfigurationRequest(command) => {
                command.dcid.write(packet)
                    && command.flags.write(packet)
                    && packet.extend(command.options)
            }
            Self::ConfigurationResponse(command) => {
                command.scid.write(packet)
                    && command.flags.write(packet)
                    && command.result.write(packet)
                    && packet.extend(command.options)
            }
            Self::DisconnectionRequest(command) => command.write(packet),
            Self::DisconnectionResponse(command) => command.write(packet),
            Self::EchoRequest(data) | Self::EchoResponse(data) => packet.extend(data),
            Self::InformationRequest(command) => command.write(packet),
            Self::InformationResponse(command) => command.write(packet),
            Self::ConnectionParameterUpdateRequest(command) => command.write(packet),
            Self::ConnectionParameterUpdateResponse(command) => command.write(packet),
            Self::LeConnectionRequest(command) => command.write(packet),
            Self::LeConnectionResponse(command) => command.write(packet),
            Self::FlowControlCredit(command) => command.write(packet),
            Self::CreditConnectionRequest(command) => {
                command.spsm.write(packet)
                    && command.parameters.write(packet)
                    && packet.extend(command.scids.as_bytes())
            }
            Self::CreditConnectionResponse(command) => {
                command.parameters.write(packet)
                    && command.result.write(packet)
                    && packet.extend(command.dcids.as_bytes())
            }
            Self::ReconfigureRequest(command) => {
                command.mtu.write(packet)
                    && command.mps.write(packet)
                    && packet.extend(command.scids.as_bytes())
            }
            Self::ReconfigureResponse(command) => command.write(packet),
            Self::Unknown(_) => true,
        }
    }
}
