// SPDX-License-Identifier: GPL-2.0

//! An echo service over channels: for tests, and the example of a protocol in the kernel that has
//! channels of its own, without sockets.
//!
//! Not part of what is shipped: it is built with `CONFIG_BT_CHANNEL_ECHO=y`, as for the debug kernel.
//!
//! ```text
//!   Echo ──> Service ──> [End] ──> Channel <── Active ── EchoUser ──> End ──> Service
//!                        those not closed      the worker's
//! ```
//!
//! An end leaves its service's list when its channel is closed, or was stopped; that breaks the
//! circle. The file `bluetooth_echo/channels` in debugfs takes commands, of decimal numbers:
//!
//! - `listen KIND PSM MODE PEER`: takes connections, of this peer alone unless it is 0.
//! - `connect KIND PSM MODE PEER`
//! - `hold 1`: takes no message any more; `hold 0` goes on.
//! - `stop`: closes all ends.
//!
//! and shows the ends, one a line: state, PSM, mode, and how many messages were sent back.

use crate::{
    hci::Peer,
    l2cap::{
        self,
        bound::{
            self,
            Port, //
        },
        channel::{
            Channel,
            Kind,
            Settings,
            TX_HEADROOM,
            TX_TAILROOM, //
        },
        CONNECT_TIMEOUT_MS, //
    },
    ChannelUser,
};
use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    Ordering, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    },
    uaccess::UserSliceReader,
};
use kernel_ext::{
    debugfs::{
        self,
        File,
        FileOps, //
    },
    net::State,
    skbuff::SkBuff,
    vec::VecExt, //
};
use wire::{
    l2cap::Mode,
    AddressType,
    BdAddr, //
};

/// Ends at most.
const MAX_ENDS: usize = 64;
/// Frames that wait to be sent, or to be acknowledged, at most.
const MAX_WAITING: usize = 64;

/// One end of a channel, or who listens for some.
struct End {
    channel: Arc<Channel>,
    service: Arc<Service>,
    /// Whose connections it takes.
    from: BdAddr,
    echoed: AtomicU32,
}

impl End {
    fn new(service: &Arc<Service>, settings: Settings, from: BdAddr) -> Result<Arc<Self>> {
        let end = Self {
            channel: Channel::new(settings)?,
            service: service.clone(),
            from,
            echoed: AtomicU32::new(0),
        };
        Ok(Arc::new(end, GFP_KERNEL)?)
    }

    /// Whether nothing can be sent for now; [`writable`](l2cap::user::ChannelUser::writable) comes
    /// when it can, but in modes without flow control, in which more is lost.
    fn is_full(&self) -> bool {
        let credits = self.channel.settings().mode.has_credits();
        self.channel.is_suspended() || !credits && self.channel.unacked() >= MAX_WAITING
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// `ENOTCONN`, `EMSGSIZE`, `ENOMEM`.
    fn send(&self, message: &[u8]) -> Result {
        let s = self.channel.settings();
        if s.state != State::Connected {
            return Err(ENOTCONN);
        }
        if message.len() > usize::from(s.omtu) {
            return Err(EMSGSIZE);
        }
        pin_init::stack_pin_init!(let pieces = kernel_ext::new_skb_queue!("echo::pieces"));
        let mut rest = message;
        s.pieces.cut(message.len(), |len, marks| {
            let (part, later) = rest.split_at_checked(len).ok_or(EMSGSIZE)?;
            rest = later;
            let headroom = SkBuff::BT_RESERVE.saturating_add(TX_HEADROOM);
            let mut skb = SkBuff::alloc(headroom, len.saturating_add(TX_TAILROOM), GFP_KERNEL)?;
            skb.put_slice(part)?;
            *skb.cb_mut() = marks;
            pieces.push_tail(skb);
            Ok(())
        })?;
        self.channel.send_all(&pieces);
        Ok(())
    }
}

/// An end as the user of its channel.
#[derive(Clone)]
pub(crate) struct EchoUser(Arc<End>);

impl l2cap::user::ChannelUser for EchoUser {
    fn incoming(&self, peer: Peer) -> Result<(Arc<Channel>, Self)> {
        if !self.0.from.is_any() && self.0.from != peer.addr {
            return Err(EPERM);
        }
        let service = &self.0.service;
        let child = End::new(service, self.0.channel.settings().for_child(), BdAddr::ANY)?;
        service.add(&child, Some(&self.0))?;
        Ok((child.channel.clone(), Self(child)))
    }

    fn deferred(&self) {}

    fn state(&self, _state: State) {}

    fn opened(&self) {}

    fn received(&self, skb: SkBuff) -> Result<(), SkBuff> {
        if self.0.service.held.load(Ordering::Relaxed) || self.0.is_full() {
            return Err(skb);
        }
        if self.0.send(skb.data()).is_ok() {
            self.0.echoed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn room(&self) -> Option<usize> {
        None
    }

    fn writable(&self) {
        if !self.0.is_full() {
            l2cap::room(&self.0.channel);
        }
    }

    fn unreliable(&self) {}

    fn closed(&self, _error: Option<Error>, _by_peer: bool) {
        self.0.service.remove(&self.0);
    }

    fn owner(&self) -> u32 {
        0
    }

    fn timeout_ms(&self) -> Option<u64> {
        Some(CONNECT_TIMEOUT_MS.into())
    }
}

/// All ends there are. Nobody is waited for under the lock, and no end is dropped.
#[pin_data]
struct Service {
    #[pin]
    ends: Mutex<KVec<Arc<End>>>,
    held: AtomicBool,
}

impl Service {
    /// An end is there; unless its listener, if it has one, was stopped.
    ///
    /// # Errors
    ///
    /// `ECONNABORTED` if it was, `ENOBUFS`, `ENOMEM`.
    fn add(&self, end: &Arc<End>, listener: Option<&Arc<End>>) -> Result {
        let mut ends = self.ends.lock();
        if listener.is_some_and(|l| !ends.iter().any(|e| Arc::ptr_eq(e, l))) {
            return Err(ECONNABORTED);
        }
        if ends.len() >= MAX_ENDS {
            return Err(ENOBUFS);
        }
        Ok(ends.append(end.clone())?)
    }

    fn remove(&self, end: &Arc<End>) {
        let mut ends = self.ends.lock();
        let at = ends.iter().position(|e| Arc::ptr_eq(e, end));
        let gone = at.and_then(|at| ends.take_out(at));
        drop(ends);
        drop(gone);
    }

    fn listen(self: &Arc<Self>, args: &Args) -> Result {
        let end = End::new(self, args.settings(), args.peer)?;
        let user = ChannelUser::Echo(EchoUser(end.clone()));
        let port = Port::Psm(args.psm);
        bound::bind(&end.channel, user, BdAddr::ANY, args.kind, port)?;
        end.channel.update(|s| s.state = State::Listen);
        // Last, since who was stopped must not be bound any more.
        self.add(&end, None)
            .inspect_err(|_| bound::unbind(&end.channel))
    }

    fn connect(self: &Arc<Self>, args: &Args) -> Result {
        let mut s = args.settings();
        s.dst = args.peer;
        s.dst_type = args.kind;
        s.psm = args.psm;
        s.choose_le_mode();
        let dev = l2cap::route::find(s.dst, s.src, s.src_type).ok_or(EHOSTUNREACH)?;
        let end = End::new(self, args.settings(), BdAddr::ANY)?;
        self.add(&end, None)?;
        let user = ChannelUser::Echo(EchoUser(end.clone()));
        let connecting = l2cap::connect(&dev, &end.channel, user, &s);
        connecting.inspect_err(|_| self.remove(&end))
    }

    fn hold(&self, on: bool) {
        self.held.store(on, Ordering::Relaxed);
        for end in self.ends.lock().iter().filter(|_| !on) {
            l2cap::room(&end.channel);
        }
    }

    fn stop(&self) {
        let ends = core::mem::take(&mut *self.ends.lock());
        for end in ends {
            bound::unbind(&end.channel);
            l2cap::close(&end.channel);
        }
    }
}

/// What `listen` and `connect` are told.
struct Args {
    kind: AddressType,
    psm: u16,
    mode: Mode,
    peer: BdAddr,
}

impl Args {
    fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut numbers = words.map(|word| word.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        Some(Self {
            kind: AddressType::from_u8(next()?.try_into().ok()?)?,
            psm: next()?.try_into().ok()?,
            mode: Mode::from_u8(next()?.try_into().ok()?).filter(|m| l2cap::mode_enabled(*m))?,
            peer: BdAddr(*next()?.to_le_bytes().first_chunk()?),
        })
    }

    fn settings(&self) -> Settings {
        Settings {
            mode: self.mode,
            src_type: self.kind,
            ..Settings::new(Kind::Oriented)
        }
    }
}

impl FileOps for Service {
    type Data = Arc<Self>;

    fn show(service: kernel::sync::ArcBorrow<'_, Self>, out: &SeqFile) -> Result {
        for end in service.ends.lock().iter() {
            let s = end.channel.settings();
            let echoed = end.echoed.load(Ordering::Relaxed);
            seq_print!(
                out,
                "{} {} {} {echoed}\n",
                s.state as u8,
                s.psm,
                s.mode as u8
            );
        }
        Ok(())
    }

    fn write(service: kernel::sync::ArcBorrow<'_, Self>, input: &mut UserSliceReader) -> Result {
        let service: Arc<Self> = service.into();
        let mut line = [0; 64];
        let line = line.get_mut(..input.len()).ok_or(EINVAL)?;
        input.read_slice(line)?;
        let line = core::str::from_utf8(line).map_err(|_| EINVAL)?;
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("listen") => service.listen(&Args::parse(words).ok_or(EINVAL)?),
            Some("connect") => service.connect(&Args::parse(words).ok_or(EINVAL)?),
            Some("hold") => {
                service.hold(words.next() == Some("1"));
                Ok(())
            }
            Some("stop") => {
                service.stop();
                Ok(())
            }
            _ => Err(EINVAL),
        }
    }
}

/// The service. Its drop closes all ends.
pub(crate) struct Echo {
    service: Arc<Service>,
    file: Option<File<Service>>,
}

impl Echo {
    /// Starts it: nobody listens until the file is written to.
    pub(crate) fn new() -> Result<Self> {
        let service = Arc::pin_init(
            try_pin_init!(Service {
                ends <- new_mutex!(KVec::new(), "echo::Service::ends"),
                held: AtomicBool::new(false),
            }),
            GFP_KERNEL,
        )?;
        let folder = debugfs::Dir::new(c"bluetooth_echo", None)?;
        let file = folder.file(c"channels", 0o600, service.clone())?;
        Ok(Self {
            service,
            file: Some(file),
        })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // Nobody starts any more.
        self.file = None;
        self.service.stop();
    }
}
