// SPDX-License-Identifier: GPL-2.0

//! Voice: the isochronous interface, whose alternate setting follows the links.

use crate::{
    device::{
        items,
        Btusb, //
    },
    receive::{
        Voices, //
    },
};
use core::sync::atomic::{
    AtomicU32,
    AtomicU8,
    Ordering::Relaxed, //
};
use h2::{
    alt::{
        self,
        AirMode, //
    },
    isoc::Pace,
};
use kernel::{
    prelude::*,
    sync::{
        new_mutex,
        new_spinlock_irq,
        Arc,
        ArcBorrow,
        Mutex,
        SpinLockIrq, //
    },
};
use usb_ext::{
    hci::notice,
    usb::{
        Direction,
        Endpoint,
        PowerRef,
        TransferType, //
    },
    workqueue::{
        WorkItem,
        Worker, //
    },
};

/// The endpoints of the setting that is chosen.
#[derive(Default)]
struct Streams {
    input: Option<Endpoint>,
    output: Option<Endpoint>,
    alternate: u8,
    pace: Pace,
    /// Setting 6 without gaps.
    continuous: bool,
}

/// What switching needs.
#[derive(Default)]
struct Control {
    /// Keeps the device awake while there are links.
    awake: Option<PowerRef>,
}

/// The state of the isochronous interface.
#[pin_data]
pub(crate) struct Voice {
    links: AtomicU32,
    event: AtomicU32,
    /// The setting, for who only looks.
    shown: AtomicU8,
    #[pin]
    streams: SpinLockIrq<Streams>,
    #[pin]
    control: Mutex<Control>,
}

// The locks' contents are not pinned.
impl Unpin for Streams {}
impl Unpin for Control {}

impl Voice {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            links: AtomicU32::new(0),
            event: AtomicU32::new(0),
            shown: AtomicU8::new(0),
            streams <- new_spinlock_irq!(Streams::default(), "btusb::streams"),
            control <- new_mutex!(Control::default(), "btusb::voice"),
        })
    }

    /// The core says that there are `links` voice links, and why it says so. Returns whether this
    /// is news.
    ///
    /// Only a link that comes up tells how it is coded. Where one of several ends, the others go on
    /// as they were.
    pub(crate) fn note(&self, links: u32, event: u32) -> bool {
        let coding = match (links, event) {
            (0, _) => 0,
            (_, notice::SCO_CVSD | notice::SCO_TRANSPARENT) => event,
            _ => self.event.load(Relaxed),
        };
        let recoded = self.event.swap(coding, Relaxed) != coding;
        self.links.swap(links, Relaxed) != links || recoded
    }

    /// Where voice comes in.
    pub(crate) fn input(&self) -> Option<Endpoint> {
        self.streams.lock().input
    }

    /// Where voice goes out, and how many empty frames go before the next packet.
    pub(crate) fn output(&self) -> Option<(Endpoint, usize)> {
        let mut streams = self.streams.lock();
        let output = streams.output?;
        let gap = if streams.alternate == 6 && !streams.continuous {
            streams.pace.gap()
        } else {
            0
        };
        Some((output, gap))
    }

    /// The chip wants no gaps at setting 6.
    pub(crate) fn set_continuous(&self) {
        self.streams.lock().continuous = true;
    }

    /// The setting that is chosen, and the packet size there.
    pub(crate) fn shown(&self) -> (u8, u16) {
        let packet = self
            .streams
            .lock()
            .output
            .map_or(0, |endpoint| endpoint.max_packet);
        (self.shown.load(Relaxed), packet)
    }

    /// The device is gone, or given up.
    pub(crate) fn forget(&self) {
        let awake = self.control.lock().awake.take();
        if let Some(awake) = awake {
            awake.put_no_suspend();
        }
    }
}

impl Btusb {
    /// Tells the device, and finds the endpoints.
    fn set_alternate(&self, alternate: u8) -> Result {
        let isoc = self.isoc.as_ref().ok_or(ENODEV)?;
        self.udev
            .set_interface(isoc.number(), alternate)
            .inspect_err(|e| {
                self.hdev
                    .error(fmt!("setting interface failed ({})", e.to_errno()));
            })?;
        let input = isoc.endpoint(TransferType::Isochronous, Direction::In);
        let output = isoc.endpoint(TransferType::Isochronous, Direction::Out);
        {
            let mut streams = self.voice.streams.lock();
            streams.input = input;
            streams.output = output;
            streams.alternate = alternate;
            streams.pace = Pace::default();
        }
        self.voice.shown.store(alternate, Relaxed);
        if input.is_none() || output.is_none() {
            self.hdev.error(fmt!("invalid SCO descriptors"));
            return Err(ENODEV);
        }
        Ok(())
    }

    fn switch(self: ArcBorrow<'_, Self>, alternate: u8) -> Result {
        if self.voice.shown.load(Relaxed) != alternate {
            self.isochronous.set_running(false);
            self.isochronous.stop();
            // The end of a packet that has begun will not come.
            self.sco.lock().reset();
            self.set_alternate(alternate)?;
        }
        if alternate != 0 && !self.isochronous.is_running() {
            self.start::<Voices>(GFP_KERNEL)?;
        }
        Ok(())
    }

    /// Chooses an alternate setting by hand. Sleeps.
    pub(crate) fn switch_voice(self: ArcBorrow<'_, Self>, alternate: u8) -> Result {
        let _control = self.voice.control.lock();
        self.switch(alternate)
    }

    /// Gives the bandwidth back. Sleeps.
    pub(crate) fn end_voice(&self) {
        let awake = {
            let mut control = self.voice.control.lock();
            self.isochronous.set_running(false);
            self.isochronous.stop();
            if self.voice.shown.load(Relaxed) != 0 {
                // Where there is no device any more, there is no bandwidth to give back.
                let _ = self.set_alternate(0);
                self.voice.shown.store(0, Relaxed);
            }
            self.voice.links.store(0, Relaxed);
            control.awake.take()
        };
        drop(awake);
    }

    fn follow_links(self: ArcBorrow<'_, Self>) {
        let links = self.voice.links.load(Relaxed);
        let mut control = self.voice.control.lock();
        if links == 0 {
            let awake = control.awake.take();
            let was_running = self.isochronous.set_running(false);
            self.isochronous.stop();
            if was_running || self.voice.shown.load(Relaxed) != 0 {
                let _ = self.set_alternate(0);
            }
            drop(control);
            drop(awake);
            return;
        }
        if control.awake.is_none() {
            match self.isoc.as_ref().unwrap_or(&self.intf).power_get() {
                Ok(awake) => control.awake = Some(awake),
                Err(_) => {
                    self.isochronous.set_running(false);
                    self.isochronous.stop();
                    return;
                }
            }
        }
        let alternate = alt::choose(
            &alt::Voice {
                links,
                air_mode: match self.voice.event.load(Relaxed) {
                    notice::SCO_CVSD => AirMode::Cvsd,
                    notice::SCO_TRANSPARENT => AirMode::Transparent,
                    _ => AirMode::Unknown,
                },
                wide_samples: self.hdev.voice_setting() & 0x0020 != 0,
                mtu: self.hdev.sco_mtu(),
                prefers_3: self.plan.prefers_alt_3,
            },
            self.available,
        );
        if self.switch(alternate).is_err() {
            self.hdev.error(fmt!("set USB alt:({}) failed!", alternate));
        }
    }
}

impl WorkItem<{ items::VOICE }> for Btusb {
    type Pointer = Arc<Btusb>;

    fn run(this: ArcBorrow<'_, Btusb>, _worker: &mut Worker<'_>) {
        this.follow_links();
    }
}
