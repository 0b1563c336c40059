// SPDX-License-Identifier: GPL-2.0

//! Configuration of a BR/EDR channel (Vol 3 Part A 4.4, 4.5, 5, 7.1).
//!
//! Each side requests options for what the other sends: the output of a channel is settled when we have accepted the peer's
//! request, its input when the peer has accepted ours. A mode must be the same in both directions; where the two sides want different ones, a
//! side that can do without its own falls back to what the other asks for, or to basic mode.
//!
//! A peer that sends no mode wants basic mode, as all did before there were others. On an open channel, which either side may
//! configure anew, it means that the mode stays. There nothing that the mode's engine was made of changes any more.

use wire::{
    l2cap::{
        config::{
            kind,
            service,
            ConfigOption,
            ExtendedFlow,
            Options,
            Rfc, //
        },
        control::Format,
        signal::{
            ConfigResult,
            ConfigurationResponse,
            HEADER_SIZE,
            MTU, //
        },
        BasicHeader,
        FeatureMask,
        Mode,
        DEFAULT_MTU,
        FCS_SIZE,
        MIN_MTU,
        SDU_LEN_SIZE, //
    },
    Bytes, //
};

use super::{
    LinkFacts,
    Params,
    Settings, //
};

/// Retransmission time-out, in ms. As in the C stack.
pub const RETRANSMISSION_TIMEOUT_MS: u16 = 2000;
/// Monitor time-out, in ms. As in the C stack.
pub const MONITOR_TIMEOUT_MS: u16 = 12000;
/// The longest payload of a frame that we take, in octets. As in the C stack.
const MAX_PDU: u16 = 1492;
/// The greatest window with enhanced control fields.
const WINDOW: u16 = 63;
/// The greatest window with extended control fields.
const EXTENDED_WINDOW: u16 = 0x3fff;
/// Octets of options that one of the peer's requests may have, over all its parts. As in the C stack.
const REQUEST_ROOM: usize = 64;
/// How often we ask for options before we give up: once, and then with what the peer proposes.
const MOST_REQUESTS: u8 = 4;
/// How often the peer may ask for a mode that we do not want.
const MOST_REFUSALS: u8 = 2;

/// Options that fit into a request that we send: just all of those that there are.
pub(super) type RequestOptions = Bytes<{ MTU - HEADER_SIZE - 4 }>;
/// Options that fit into a response that we send. What does not fit is left out.
pub(super) type ResponseOptions = Bytes<{ MTU - HEADER_SIZE - 6 }>;

/// There is nothing that both sides would accept.
pub(super) struct Incompatible;

/// What is negotiated, and how far that is.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    mode: Mode,
    mode_required: bool,
    imtu: u16,
    omtu: u16,
    flush_timeout: u16,
    /// We want a check sequence.
    fcs: bool,
    /// The peer does without one.
    peer_no_fcs: bool,
    format: Format,
    max_transmit: u8,
    rx_window: u16,
    ack_window: u16,
    tx_window: u16,
    rx_mps: u16,
    tx_mps: u16,
    retransmission_timeout: u16,
    monitor_timeout: u16,
    /// We ask for a flow specification.
    flow: bool,

    /// Parts of a request of which more follow.
    pub(super) partial: Bytes<REQUEST_ROOM>,
    /// Requests sent.
    requests: u8,
    /// Responses sent.
    pub(super) responses: u8,
    /// Requests of the peer refused for their mode.
    refusals: u8,
    /// A request was sent since the channel was last open.
    pub(super) requested: bool,
    /// The peer accepted ours.
    pub(super) input_done: bool,
    /// We accepted the peer's.
    pub(super) output_done: bool,
    /// We told the peer that its request is accepted later.
    pub(super) pending: bool,
}

/// What the options of a request or response say.
struct Wanted<'a> {
    mtu: Option<u16>,
    flush_timeout: Option<u16>,
    rfc: Option<Rfc>,
    fcs: Option<u8>,
    flow: Option<ExtendedFlow>,
    window: Option<u16>,
    options: Options<'a>,
}

impl<'a> Wanted<'a> {
    /// The last of each kind counts; those of a wrong length do not, as in the C stack.
    fn read(options: &'a [u8]) -> Self {
        let options = Options::new(options);
        let mut wanted = Self {
            mtu: None,
            flush_timeout: None,
            rfc: None,
            fcs: None,
            flow: None,
            window: None,
            options,
        };
        for option in options {
            match option {
                // Zero is none, as in the C stack.
                ConfigOption::Mtu(mtu) => wanted.mtu = Some(mtu).filter(|mtu| *mtu != 0),
                ConfigOption::FlushTimeout(timeout) => wanted.flush_timeout = Some(timeout),
                ConfigOption::Rfc(rfc) => wanted.rfc = Some(rfc),
                ConfigOption::Fcs(fcs) => wanted.fcs = Some(fcs),
                ConfigOption::ExtendedFlow(flow) => wanted.flow = Some(flow),
                ConfigOption::ExtendedWindow(window) => wanted.window = Some(window),
                ConfigOption::Qos(_)
                | ConfigOption::BadLength { .. }
                | ConfigOption::Unknown { .. } => {}
            }
        }
        wanted
    }

    /// Whether this kind is mentioned, well formed or not.
    fn mentions(&self, wanted: u8) -> bool {
        let mut options = self.options;
        options.any(|option| {
            let kind = match option {
                ConfigOption::Mtu(_) => kind::MTU,
                ConfigOption::FlushTimeout(_) => kind::FLUSH_TIMEOUT,
                ConfigOption::Qos(_) => kind::QOS,
                ConfigOption::Rfc(_) => kind::RFC,
                ConfigOption::Fcs(_) => kind::FCS,
                ConfigOption::ExtendedFlow(_) => kind::EXTENDED_FLOW,
                ConfigOption::ExtendedWindow(_) => kind::EXTENDED_WINDOW,
                ConfigOption::BadLength { kind } | ConfigOption::Unknown { kind, .. } => kind,
            };
            kind == wanted
        })
    }
}

/// The longest payload of a frame on this link, in octets: what a packet holds besides all headers.
fn max_pdu(link: &LinkFacts) -> u16 {
    let overhead = BasicHeader::SIZE
        .saturating_add(Format::Extended.size())
        .saturating_add(SDU_LEN_SIZE)
        .saturating_add(FCS_SIZE);
    let room = usize::from(link.mtu).saturating_sub(overhead);
    u16::try_from(room).unwrap_or(u16::MAX).clamp(1, MAX_PDU)
}

impl Configuration {
    pub(super) fn new(settings: &Settings) -> Self {
        let window = settings.tx_window.clamp(1, EXTENDED_WINDOW);
        Self {
            mode: settings.mode,
            mode_required: settings.mode_required,
            imtu: settings.imtu,
            omtu: if settings.omtu == 0 {
                DEFAULT_MTU
            } else {
                settings.omtu
            },
            flush_timeout: settings.flush_timeout,
            fcs: settings.fcs,
            peer_no_fcs: false,
            format: Format::Enhanced,
            max_transmit: settings.max_transmit,
            rx_window: window,
            ack_window: window,
            tx_window: WINDOW,
            rx_mps: MAX_PDU,
            tx_mps: MAX_PDU,
            retransmission_timeout: RETRANSMISSION_TIMEOUT_MS,
            monitor_timeout: MONITOR_TIMEOUT_MS,
            flow: false,
            partial: Bytes::new(),
            requests: 0,
            responses: 0,
            refusals: 0,
            requested: false,
            input_done: false,
            output_done: false,
            pending: false,
        }
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn params(&self) -> Params {
        Params {
            mode: self.mode,
            imtu: self.imtu,
            omtu: self.omtu,
            flush_timeout: self.flush_timeout,
            // Only in these modes, and unless both sides do without.
            fcs: self.mode.has_control() && (self.fcs || !self.peer_no_fcs),
            format: match self.mode {
                Mode::Ertm => self.format,
                _ => Format::Enhanced,
            },
            tx_window: self.tx_window,
            rx_window: self.rx_window,
            ack_window: self.ack_window,
            max_transmit: self.max_transmit,
            retransmission_timeout: self.retransmission_timeout,
            monitor_timeout: self.monitor_timeout,
            rx_mps: self.rx_mps,
            tx_mps: self.tx_mps,
        }
    }

    /// The mode to be in if the peer asks for this one.
    fn select(wanted: u8, link: &LinkFacts) -> Mode {
        match Mode::from_u8(wanted) {
            Some(mode) if mode.has_control() && link.supports(mode) => mode,
            _ => Mode::Basic,
        }
    }

    /// Our request for options: those that are not the default.
    pub(super) fn request(&mut self, link: &LinkFacts) -> RequestOptions {
        if self.requests == 0
            && self.responses == 0
            && self.mode.has_control()
            && !self.mode_required
        {
            self.flow = link.peer_features.contains(FeatureMask::EXTENDED_FLOW);
            self.mode = Self::select(self.mode.to_u8(), link);
        }
        if self.imtu == 0 {
            self.imtu = link.auto_mtu.max(MIN_MTU);
        }
        let mut list = RequestOptions::new();
        // All of them fit: 4 + 11 + 4 + 3 + 18 octets.
        let mut push = |option: ConfigOption<'_>| {
            let _ = option.push(&mut list);
        };
        if self.imtu != DEFAULT_MTU {
            push(ConfigOption::Mtu(self.imtu));
        }
        match self.mode {
            Mode::Ertm => {
                self.rx_mps = max_pdu(link);
                let extended = self.rx_window > WINDOW
                    && link.peer_features.contains(FeatureMask::EXTENDED_WINDOW);
                if extended {
                    self.format = Format::Extended;
                } else {
                    self.rx_window = self.rx_window.min(WINDOW);
                }
                self.ack_window = self.rx_window;
                push(ConfigOption::Rfc(Rfc {
                    mode: Mode::Ertm.to_u8(),
                    tx_window: u8::try_from(self.rx_window.min(WINDOW)).unwrap_or(u8::MAX),
                    max_transmit: self.max_transmit,
                    retransmission_timeout: RETRANSMISSION_TIMEOUT_MS,
                    monitor_timeout: MONITOR_TIMEOUT_MS,
                    max_pdu: self.rx_mps,
                }));
                if extended {
                    push(ConfigOption::ExtendedWindow(self.rx_window));
                }
                self.request_no_fcs(link, &mut push);
                if self.flow {
                    push(ConfigOption::ExtendedFlow(ExtendedFlow::BEST_EFFORT));
                }
            }
            Mode::Streaming => {
                self.rx_mps = max_pdu(link);
                push(ConfigOption::Rfc(Rfc {
                    max_pdu: self.rx_mps,
                    ..Rfc::of_mode(Mode::Streaming)
                }));
                self.request_no_fcs(link, &mut push);
                if self.flow {
                    push(ConfigOption::ExtendedFlow(ExtendedFlow {
                        access_latency: 0,
                        flush_timeout: 0,
                        ..ExtendedFlow::BEST_EFFORT
                    }));
                }
            }
            // To a peer that knows other modes it is said that none of them is wanted.
            _ => {
                let ertm = FeatureMask::ERTM | FeatureMask::STREAMING;
                if link.local_features.intersects(ertm) && link.peer_features.intersects(ertm) {
                    push(ConfigOption::Rfc(Rfc::of_mode(Mode::Basic)));
                }
            }
        }
        self.requests = self.requests.saturating_add(1);
        self.requested = true;
        list
    }

    fn request_no_fcs(&mut self, link: &LinkFacts, push: &mut impl FnMut(ConfigOption<'_>)) {
        if link.peer_features.contains(FeatureMask::FCS) && (!self.fcs || self.peer_no_fcs) {
            self.fcs = false;
            push(ConfigOption::Fcs(0));
        }
    }

    /// The peer's request, complete: what to respond.
    pub(super) fn on_request(
        &mut self,
        request: &[u8],
        open: bool,
        link: &LinkFacts,
    ) -> Result<(ConfigResult, ResponseOptions), Incompatible> {
        let wanted = Wanted::read(request);
        let mut list = ResponseOptions::new();

        let mut unknown = false;
        for option in wanted.options {
            if let ConfigOption::Unknown {
                kind, hint: false, ..
            } = option
            {
                unknown = true;
                // The C stack adds an octet of data, which says the type again.
                let data = &[kind];
                let hint = false;
                let _ = ConfigOption::Unknown { kind, hint, data }.push(&mut list);
            }
        }
        if let Some(timeout) = wanted.flush_timeout {
            self.flush_timeout = timeout;
        }
        // Only for who told that it can do this.
        if wanted.window.is_some() && !link.both(FeatureMask::EXTENDED_WINDOW) {
            return Err(Incompatible);
        }
        if !open {
            self.peer_no_fcs |= wanted.fcs == Some(0);
        }

        let mut rfc =
            wanted
                .rfc
                .unwrap_or(Rfc::of_mode(if open { self.mode } else { Mode::Basic }));
        let first = self.responses == 0 && self.requests <= 1 && !open;
        if first && self.mode.has_control() {
            if !self.mode_required {
                self.mode = Self::select(rfc.mode, link);
            } else if rfc.mode != self.mode.to_u8() {
                return Err(Incompatible);
            } else if wanted.flow.is_some() {
                if !link.peer_features.contains(FeatureMask::EXTENDED_FLOW) {
                    return Err(Incompatible);
                }
                self.flow = true;
            }
        }
        if rfc.mode != self.mode.to_u8() {
            self.refusals = self.refusals.saturating_add(1);
            if self.refusals >= MOST_REFUSALS {
                return Err(Incompatible);
            }
            rfc.mode = self.mode.to_u8();
            let _ = ConfigOption::Rfc(rfc).push(&mut list);
            return Ok((ConfigResult::UNACCEPTABLE, list));
        }
        if unknown {
            return Ok((ConfigResult::UNKNOWN_OPTIONS, list));
        }

        let result = self.accept(&wanted, rfc, open, link, &mut list)?;
        self.output_done = result == ConfigResult::SUCCESS;
        self.pending = result == ConfigResult::PENDING;
        Ok((result, list))
    }

    /// The mode is the right one: takes over what else is wanted, and says what of it.
    fn accept(
        &mut self,
        wanted: &Wanted<'_>,
        rfc: Rfc,
        open: bool,
        link: &LinkFacts,
        list: &mut ResponseOptions,
    ) -> Result<ConfigResult, Incompatible> {
        let mut result = ConfigResult::SUCCESS;
        let mut push = |option: ConfigOption<'_>| {
            let _ = option.push(list);
        };

        // In the modes that have negotiated everything, a peer that says nothing is told what it will get; in basic mode some do not
        // understand that. As in the C stack.
        let mtu = wanted.mtu.unwrap_or(match self.mode {
            Mode::Ertm => self.omtu,
            _ if open => self.omtu,
            _ => DEFAULT_MTU,
        });
        if mtu < MIN_MTU {
            result = ConfigResult::UNACCEPTABLE;
        } else {
            self.omtu = mtu;
        }
        push(ConfigOption::Mtu(self.omtu));

        let flow = wanted.flow;
        if let Some(flow) = flow {
            if flow.service != service::NONE && flow.service != service::BEST_EFFORT {
                if self.responses > 0 {
                    return Err(Incompatible);
                }
                result = ConfigResult::UNACCEPTABLE;
                push(ConfigOption::ExtendedFlow(ExtendedFlow {
                    service: service::BEST_EFFORT,
                    ..flow
                }));
            } else if result == ConfigResult::SUCCESS && !open {
                result = ConfigResult::PENDING;
            }
        }

        // Without the option it is an open channel, whose mode stays as it is.
        if !self.mode.has_control() || wanted.rfc.is_none() {
            return Ok(result);
        }
        let most = max_pdu(link);
        let mut rfc = Rfc {
            // None at all: what it takes is said instead.
            max_pdu: if rfc.max_pdu == 0 {
                result = ConfigResult::UNACCEPTABLE;
                most
            } else {
                rfc.max_pdu.min(most)
            },
            ..rfc
        };
        if self.mode == Mode::Ertm {
            let window = wanted.window.unwrap_or(u16::from(rfc.tx_window));
            let greatest = match wanted.window {
                Some(_) => EXTENDED_WINDOW,
                None => WINDOW,
            };
            if !(1..=greatest).contains(&window) {
                result = ConfigResult::UNACCEPTABLE;
                rfc.tx_window = WINDOW as u8;
            } else if result != ConfigResult::UNACCEPTABLE && !open {
                self.tx_window = window;
                if wanted.window.is_some() {
                    self.format = Format::Extended;
                    rfc.tx_window = WINDOW as u8;
                }
            }
            rfc.retransmission_timeout = RETRANSMISSION_TIMEOUT_MS;
            rfc.monitor_timeout = MONITOR_TIMEOUT_MS;
        }
        if open {
            // The mode's engine was made of the old ones, and the peer's are no obstacle to it.
            rfc.tx_window = u8::try_from(self.tx_window.min(WINDOW)).unwrap_or(WINDOW as u8);
            rfc.max_pdu = self.tx_mps;
        } else if result != ConfigResult::UNACCEPTABLE {
            self.tx_mps = rfc.max_pdu;
        }
        push(ConfigOption::Rfc(rfc));
        if let (Some(flow), true, true) = (flow, self.flow, result == ConfigResult::PENDING) {
            push(ConfigOption::ExtendedFlow(flow));
        }
        let extended = self.mode == Mode::Ertm && result != ConfigResult::UNACCEPTABLE;
        if let (Some(window), true) = (wanted.window, extended) {
            push(ConfigOption::ExtendedWindow(window));
        }
        Ok(result)
    }

    /// The peer accepted our request, with these adjustments.
    pub(super) fn accepted(&mut self, response: &[u8], open: bool) -> Result<(), Incompatible> {
        let wanted = Wanted::read(response);
        // That of the MTU, which says what the peer will send at most, is of no interest: we take what we said.
        let Some(rfc) = wanted.rfc else {
            return Ok(());
        };
        if rfc.mode != self.mode.to_u8() {
            return if self.mode.has_control()
                || Mode::from_u8(rfc.mode).is_none_or(Mode::has_control)
            {
                Err(Incompatible)
            } else {
                Ok(())
            };
        }
        if open || !self.mode.has_control() {
            return Ok(());
        }
        if rfc.max_pdu != 0 {
            self.rx_mps = self.rx_mps.min(rfc.max_pdu);
        }
        if self.mode == Mode::Ertm {
            // Zero is none that one could work with.
            if rfc.retransmission_timeout != 0 {
                self.retransmission_timeout = rfc.retransmission_timeout;
            }
            if rfc.monitor_timeout != 0 {
                self.monitor_timeout = rfc.monitor_timeout;
            }
            let window = match (self.format, wanted.window) {
                (Format::Extended, Some(window)) => window,
                (Format::Extended, None) => self.ack_window,
                (Format::Enhanced, _) => u16::from(rfc.tx_window),
            };
            self.ack_window = self.ack_window.min(window).max(1);
        }
        Ok(())
    }

    /// The peer did not accept our request: takes over what it proposes, for the next one.
    pub(super) fn adjust(
        &mut self,
        response: &ConfigurationResponse<'_>,
        open: bool,
    ) -> Result<(), Incompatible> {
        if self.requests >= MOST_REQUESTS {
            return Err(Incompatible);
        }
        let wanted = Wanted::read(response.options);
        if let Some(mtu) = wanted.mtu {
            self.imtu = mtu.max(MIN_MTU);
        }
        if response.result == ConfigResult::UNKNOWN_OPTIONS {
            // Options that it does not know: nothing but the default is left.
            if wanted.mentions(kind::RFC) && self.mode.has_control() {
                if self.mode_required || open {
                    return Err(Incompatible);
                }
                self.mode = Mode::Basic;
            }
            self.flow &= !wanted.mentions(kind::EXTENDED_FLOW);
            if wanted.mentions(kind::EXTENDED_WINDOW) {
                self.format = Format::Enhanced;
                self.rx_window = self.rx_window.min(WINDOW);
            }
            self.fcs |= wanted.mentions(kind::FCS);
            return Ok(());
        }
        if let Some(flow) = wanted.flow {
            if flow.service != service::NONE && flow.service != service::BEST_EFFORT {
                return Err(Incompatible);
            }
        }
        if let Some(rfc) = wanted.rfc {
            if rfc.mode != self.mode.to_u8() {
                // Only away from a mode that is not required, to one that we know, before anything uses it.
                let basic = rfc.mode == Mode::Basic.to_u8();
                if self.mode_required || open || !self.mode.has_control() || !basic {
                    return Err(Incompatible);
                }
                self.mode = Mode::Basic;
            }
            if self.mode == Mode::Ertm && !open && rfc.tx_window != 0 {
                self.rx_window = self.rx_window.min(u16::from(rfc.tx_window));
            }
        }
        if let Some(window) = wanted.window.filter(|window| *window != 0) {
            if !open {
                self.rx_window = self.rx_window.min(window);
            }
        }
        Ok(())
    }

    /// Both directions are settled.
    pub(super) const fn is_done(&self) -> bool {
        self.input_done && self.output_done
    }

    /// The channel is open, or was (`again`): what follows is another configuration. We ask for options once more, when the peer does
    /// for the first time; then ours are settled, or two sides of our kind would not come to an end.
    pub(super) fn start_over(&mut self, again: bool) {
        self.requested = again;
        self.input_done = again;
        self.output_done = false;
        self.pending = false;
        self.requests = 0;
        self.responses = 0;
        self.refusals = 0;
        self.partial.clear();
    }
}
