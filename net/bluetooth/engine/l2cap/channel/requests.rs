// SPDX-License-Identifier: GPL-2.0

//! Requests for channels, before there is one: what is wrong with them, and how they are refused.

use wire::l2cap::{
    cid,
    psm,
    signal::{
        Command,
        ConnectionResponse,
        ConnectionResult,
        ConnectionStatus,
        CreditParameters,
        CreditResult,
        Ident,
        LeConnectionRequest,
        LeConnectionResponse,
        Packet, //
    },
    Transport,
    LE_MIN_MTU, //
};

use crate::l2cap::signalling::{
    not_understood,
    packet, //
};

/// What is wrong with the identifier that the peer chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScidError {
    /// No channel may have it.
    Invalid,
    /// Another channel has it.
    InUse,
}

impl From<ScidError> for ConnectionResult {
    fn from(error: ScidError) -> Self {
        match error {
            ScidError::Invalid => Self::INVALID_SCID,
            ScidError::InUse => Self::SCID_IN_USE,
        }
    }
}

impl From<ScidError> for CreditResult {
    fn from(error: ScidError) -> Self {
        match error {
            ScidError::Invalid => Self::INVALID_SCID,
            ScidError::InUse => Self::SCID_IN_USE,
        }
    }
}

/// Looks at the identifier that the peer chose for its side of a channel; `in_use` says whether another channel of the link has
/// it on that side.
///
/// # Errors
///
/// No channel may have it, or another has it.
pub fn check_scid(transport: Transport, scid: u16, in_use: bool) -> Result<(), ScidError> {
    if !cid::is_dynamic(transport, scid) {
        Err(ScidError::Invalid)
    } else if in_use {
        Err(ScidError::InUse)
    } else {
        Ok(())
    }
}

/// The answer to a connection request (BR/EDR).
pub fn connection_response(
    ident: Ident,
    dcid: u16,
    scid: u16,
    result: ConnectionResult,
    status: ConnectionStatus,
) -> Packet {
    packet(
        ident,
        &Command::ConnectionResponse(ConnectionResponse {
            dcid,
            scid,
            result,
            status,
        }),
    )
}

/// Nothing.
pub(in crate::l2cap) const NO_PARAMETERS: CreditParameters = CreditParameters {
    mtu: 0,
    mps: 0,
    credits: 0,
};

/// The refusal of a request for a channel in LE credit based flow control mode.
pub fn le_refusal(ident: Ident, result: CreditResult) -> Packet {
    packet(
        ident,
        &Command::LeConnectionResponse(LeConnectionResponse {
            dcid: 0,
            parameters: NO_PARAMETERS,
            result,
        }),
    )
}

/// Looks at a request for a channel in LE credit based flow control mode, before anything else: is there one that listens, is the
/// link secure enough, and [`check_scid`].
///
/// # Errors
///
/// The request is not allowed; send this.
pub fn check_le_request(ident: Ident, request: &LeConnectionRequest) -> Result<(), Packet> {
    let parameters = &request.parameters;
    if parameters.mtu < LE_MIN_MTU || parameters.mps < LE_MIN_MTU {
        Err(not_understood(ident))
    } else if !psm::is_valid(Transport::Le, request.spsm) {
        Err(le_refusal(ident, CreditResult::BAD_SPSM))
    } else {
        Ok(())
    }
}
