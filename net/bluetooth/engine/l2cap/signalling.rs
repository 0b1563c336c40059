// SPDX-License-Identifier: GPL-2.0

//! The signalling channel of a link (Vol 3 Part A 4): frames become commands, and what concerns no channel is answered.
//!
//! That is: echo and information requests, commands that are corrupt, unknown or too long, and the exchange of features that
//! precedes the first channel on BR/EDR. Whatever arrives, a frame is answered with at most as many commands as it holds, and on
//! BR/EDR one that is longer than the signalling MTU with exactly one.
//!
//! A response is never answered, not even one that cannot be read.

use wire::l2cap::{
    signal::{
        Code,
        Command,
        Commands,
        ConnectionParameterUpdateRequest,
        CreditConnectionResponse,
        CreditParameters,
        CreditResult,
        Ident,
        InfoResult,
        InfoType,
        InformationRequest,
        InformationResponse,
        Packet,
        RawCommand,
        ReconfigureResponse,
        ReconfigureResult,
        Reject,
        MTU, //
    },
    FeatureMask,
    FixedChannels,
    Transport, //
};

use super::ident::Idents;

/// How long the peer may take to answer an information request, in ms. As in the C stack.
pub const INFORMATION_TIMEOUT_MS: u64 = 4000;

/// What this side tells and does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// The extended features.
    pub features: FeatureMask,
    /// The fixed channels.
    pub fixed_channels: FixedChannels,
    /// Whether the commands of enhanced credit based flow control mode are understood.
    pub enhanced_credit: bool,
}

impl Local {
    /// The extended features, as the C stack has them, with or without ERTM and streaming mode.
    pub const fn features(ertm: bool) -> FeatureMask {
        FeatureMask::FIXED_CHANNELS
            .with(FeatureMask::CONNECTIONLESS)
            .with_if(FeatureMask::ERTM, ertm)
            .with_if(FeatureMask::STREAMING, ertm)
            .with_if(FeatureMask::FCS, ertm)
    }
}

/// Why something that arrived has no effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ignored {
    /// It is corrupt, and of a kind that is not answered.
    Malformed,
    /// It is a response that nobody waits for, or to which nobody listens.
    Unsolicited,
    /// It answers a request, and there is nothing more to do.
    Settled,
}

/// What a command asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'a> {
    /// Send this; nothing else.
    Send(Packet),
    /// It concerns a channel, the link, or one that is to be opened.
    Command {
        /// Its identifier.
        ident: Ident,
        /// The command.
        command: Command<'a>,
    },
    /// The exchange of features is over: channels that waited for it may go on.
    InformationDone,
    /// Nothing.
    Ignored(Ignored),
}

/// The payload of a frame, while its commands are taken out.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    commands: Commands<'a>,
    /// The frame is too long; this stands where its first command's identifier does.
    too_long: Option<u8>,
}

/// Where the exchange of features is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Information {
    NotAsked,
    /// This was asked for, and the answer is to arrive by then.
    Asked {
        ident: Ident,
        info_type: InfoType,
        deadline: u64,
    },
    Done,
}

/// The signalling of one link.
#[derive(Clone, Debug)]
pub struct Signalling {
    /// The identifiers of our requests.
    pub idents: Idents,
    transport: Transport,
    local: Local,
    information: Information,
    /// Our request for other connection parameters, while it is not answered.
    update: Option<Ident>,
    peer_features: FeatureMask,
    peer_fixed_channels: FixedChannels,
}

impl Signalling {
    /// Of a new link. There is no exchange of features on LE: it is over from the beginning.
    pub const fn new(transport: Transport, local: Local) -> Self {
        Self {
            idents: Idents::new(transport),
            transport,
            local,
            information: match transport {
                Transport::BrEdr => Information::NotAsked,
                Transport::Le => Information::Done,
            },
            update: None,
            peer_features: FeatureMask::EMPTY,
            peer_fixed_channels: FixedChannels::EMPTY,
        }
    }

    /// The kind of link.
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// What the peer can do; nothing before the exchange of features is over.
    pub const fn peer_features(&self) -> FeatureMask {
        self.peer_features
    }

    /// The fixed channels that the peer has; none before the exchange of features is over.
    pub const fn peer_fixed_channels(&self) -> FixedChannels {
        self.peer_fixed_channels
    }

    /// Whether the exchange of features is over, successful or not.
    pub const fn information_done(&self) -> bool {
        matches!(self.information, Information::Done)
    }

    /// Begins the exchange of features, unless that was done before.
    #[must_use]
    pub fn request_information(&mut self, now: u64) -> Option<Packet> {
        match self.information {
            Information::NotAsked => self.ask(InfoType::FEATURES, now),
            _ => None,
        }
    }

    /// Asks for this. Without an identifier, which takes a peer that answers nothing, the exchange is over.
    fn ask(&mut self, info_type: InfoType, now: u64) -> Option<Packet> {
        let Some(ident) = self.idents.allocate() else {
            self.information = Information::Done;
            return None;
        };
        self.information = Information::Asked {
            ident,
            info_type,
            deadline: now.saturating_add(INFORMATION_TIMEOUT_MS),
        };
        Command::InformationRequest(InformationRequest { info_type }).encode(ident)
    }

    /// Asks the central for other connection parameters (4.20), unless it was asked before and has not answered. What becomes of
    /// it shows in the link's parameters.
    #[must_use]
    pub fn request_parameters(
        &mut self,
        wanted: ConnectionParameterUpdateRequest,
    ) -> Option<Packet> {
        if self.transport != Transport::Le || self.update.is_some() {
            return None;
        }
        let ident = self.idents.allocate()?;
        self.update = Some(ident);
        Command::ConnectionParameterUpdateRequest(wanted).encode(ident)
    }

    /// An answer with this identifier came. Returns whether it is to a request for other parameters.
    fn finish_update(&mut self, ident: Ident) -> bool {
        let ours = self.update.take_if(|asked| *asked == ident).is_some();
        if ours {
            self.idents.release(ident);
        }
        ours
    }

    fn finish_information(&mut self) {
        if let Information::Asked { ident, .. } = self.information {
            self.idents.release(ident);
        }
        self.information = Information::Done;
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub const fn deadline(&self) -> Option<u64> {
        match self.information {
            Information::Asked { deadline, .. } => Some(deadline),
            _ => None,
        }
    }

    /// Time has passed. Returns whether that ended the exchange of features, as [`Step::InformationDone`].
    #[must_use]
    pub fn on_timeout(&mut self, now: u64) -> bool {
        let expired = self.deadline().is_some_and(|deadline| deadline <= now);
        if expired {
            self.finish_information();
        }
        expired
    }

    /// A frame on the signalling channel of this transport: its payload.
    pub fn frame<'a>(&self, payload: &'a [u8]) -> Frame<'a> {
        let mut commands = Commands::new(payload);
        let mut too_long = None;
        match self.transport {
            // Section 4.1 asks to find the first request in what is too long to be read; the C stack takes the identifier of
            // the first command, and so do we.
            Transport::BrEdr if payload.len() > MTU => {
                too_long = payload.get(1).copied();
                commands.stop();
            }
            Transport::BrEdr => {}
            // Exactly one command, or else nothing at all.
            Transport::Le => {
                let mut probe = commands;
                if !matches!(probe.next(), Some(Ok(_))) || probe.remaining() != 0 {
                    commands.stop();
                }
            }
        }
        Frame { commands, too_long }
    }

    /// The next command of a frame, until there is none.
    pub fn next<'a>(&mut self, frame: &mut Frame<'a>, now: u64) -> Option<Step<'a>> {
        if let Some(ident) = frame.too_long.take() {
            let reject = Reject::MtuExceeded { mtu: MTU as u16 };
            return Some(send_raw(ident, &Command::Reject(reject)));
        }
        Some(match frame.commands.next()? {
            Ok(raw) => self.command(raw, now),
            // Two hosts that each refuse the other's refusal would never end.
            Err(corrupt) if corrupt.code.is_some_and(Code::is_response) => {
                Step::Ignored(Ignored::Malformed)
            }
            Err(corrupt) => send_raw(corrupt.ident, &Command::Reject(Reject::NotUnderstood)),
        })
    }

    fn command<'a>(&mut self, raw: RawCommand<'a>, now: u64) -> Step<'a> {
        let RawCommand { code, ident, data } = raw;
        let command = match Command::parse(self.transport, code, data) {
            Ok(command) => command,
            Err(_) => return self.refuse(code, ident, Ignored::Malformed),
        };
        match command {
            Command::EchoRequest(data) => send(ident, &Command::EchoResponse(data)),
            Command::EchoResponse(_) => Step::Ignored(Ignored::Unsolicited),
            Command::ConnectionParameterUpdateResponse(_) => {
                Step::Ignored(if self.finish_update(ident) {
                    Ignored::Settled
                } else {
                    Ignored::Unsolicited
                })
            }
            Command::Reject(_) if self.finish_update(ident) => Step::Ignored(Ignored::Settled),
            Command::InformationRequest(request) => {
                let response = self.information(request.info_type);
                send(ident, &Command::InformationResponse(response))
            }
            Command::InformationResponse(response) => self.on_information(ident, &response, now),
            Command::Reject(_) if self.asked(ident).is_some() => {
                self.finish_information();
                Step::InformationDone
            }
            Command::Unknown(code) => self.refuse(code, ident, Ignored::Unsolicited),
            Command::CreditConnectionRequest(_) | Command::ReconfigureRequest(_)
                if !self.local.enhanced_credit =>
            {
                Step::Send(not_understood(ident))
            }
            command => Step::Command { ident, command },
        }
    }

    /// Answers what cannot be read or is not known.
    fn refuse(&self, code: Code, ident: Ident, why: Ignored) -> Step<'static> {
        let enhanced = self.transport == Transport::Le && self.local.enhanced_credit;
        if code.is_response() {
            return Step::Ignored(why);
        }
        // These have results for it.
        match code {
            Code::CREDIT_CONNECTION_REQUEST if enhanced => send(
                ident,
                &Command::CreditConnectionResponse(CreditConnectionResponse {
                    parameters: CreditParameters {
                        mtu: 0,
                        mps: 0,
                        credits: 0,
                    },
                    result: CreditResult::INVALID_PARAMETERS,
                    dcids: &[],
                }),
            ),
            Code::RECONFIGURE_REQUEST if enhanced => send(
                ident,
                &Command::ReconfigureResponse(ReconfigureResponse {
                    result: ReconfigureResult::INVALID_CID,
                }),
            ),
            _ => Step::Send(not_understood(ident)),
        }
    }

    /// What we are asked for.
    fn information(&self, info_type: InfoType) -> InformationResponse {
        match info_type {
            InfoType::FEATURES => InformationResponse::Features(self.local.features),
            InfoType::FIXED_CHANNELS => {
                InformationResponse::FixedChannels(self.local.fixed_channels)
            }
            _ => InformationResponse::None {
                info_type,
                result: InfoResult::NOT_SUPPORTED,
            },
        }
    }

    /// What the information request with this identifier asked for, if one waits for its answer.
    fn asked(&self, ident: Ident) -> Option<InfoType> {
        match self.information {
            Information::Asked {
                ident: asked,
                info_type,
                ..
            } if asked == ident => Some(info_type),
            _ => None,
        }
    }

    fn on_information(
        &mut self,
        ident: Ident,
        response: &InformationResponse,
        now: u64,
    ) -> Step<'static> {
        if self.asked(ident) != Some(response.info_type()) {
            return Step::Ignored(Ignored::Unsolicited);
        }
        self.finish_information();
        match *response {
            InformationResponse::Features(features) => {
                self.peer_features = features;
                if features.contains(FeatureMask::FIXED_CHANNELS) {
                    if let Some(packet) = self.ask(InfoType::FIXED_CHANNELS, now) {
                        return Step::Send(packet);
                    }
                }
            }
            InformationResponse::FixedChannels(channels) => self.peer_fixed_channels = channels,
            InformationResponse::ConnectionlessMtu(_) | InformationResponse::None { .. } => {}
        }
        Step::InformationDone
    }
}

/// A command that always fits: what is sent from here is as long as what it answers, or shorter than the MTU.
fn send_raw(ident: u8, command: &Command<'_>) -> Step<'static> {
    match command.encode_raw(ident) {
        Some(packet) => Step::Send(packet),
        None => Step::Ignored(Ignored::Malformed),
    }
}

fn send(ident: Ident, command: &Command<'_>) -> Step<'static> {
    send_raw(ident.get(), command)
}

/// A command that always fits.
pub(super) fn packet(ident: Ident, command: &Command<'_>) -> Packet {
    command.encode(ident).unwrap_or_default()
}

/// The refusal of a command that is not understood, or not from this peer.
pub fn not_understood(ident: Ident) -> Packet {
    packet(ident, &Command::Reject(Reject::NotUnderstood))
}

/// The refusal of a command that names a channel which does not exist: `local` as the command calls the one on this side,
/// `remote` the one on the other, zero if it does not name one.
pub fn invalid_cid(ident: Ident, local: u16, remote: u16) -> Packet {
    packet(
        ident,
        &Command::Reject(Reject::InvalidCid { local, remote }),
    )
}
