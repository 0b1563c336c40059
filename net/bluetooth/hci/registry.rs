// SPDX-License-Identifier: GPL-2.0

//! The controllers there are, by index.

use super::Device;
use engine::ladder::Departed;
use kernel::{
    prelude::*,
    sync::aref::ARef, //
};
use kernel_ext::vec::{
    self,
    VecExt, //
};
use kernel_ext::{
    debugfs::Dir,
    hci::DevFlag,
    leds::{
        Brightness,
        LedTrigger, //
    },
};

/// Controllers at most (`HCI_MAX_ID`).
const MAX_CONTROLLERS: u16 = 10_000;

/// See [`static@REGISTRY`].
pub(crate) struct Registry {
    /// The controllers that can be found, newest first, as the C core lists them.
    listed: KVec<ARef<Device>>,
    /// Indices in use, ascending. An index outlives its listing: it is free again when the last
    /// reference to the controller is gone, so that `hciN` never names two at once.
    taken: KVec<u16>,
    /// `/sys/kernel/debug/bluetooth`.
    debugfs: Option<Dir>,
    /// LED trigger of all controllers together.
    power_led: Option<LedTrigger>,
    /// Those that left for a reset, which may come back as others.
    pub(super) departed: Departed,
}

kernel_ext::global_mutex! {
    /// All controllers. Initialised once, by module init, through the export layer.
    pub(crate) static REGISTRY: Registry = Registry {
        listed: KVec::new(),
        taken: KVec::new(),
        debugfs: None,
        power_led: None,
        departed: Departed::new(),
    };
}

/// An index `N` of `hciN`, free again on drop.
pub(crate) struct Index(u16);

impl Index {
    /// Takes the lowest free index.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when all are taken, `ENOMEM`.
    pub(crate) fn take() -> Result<Self> {
        let mut registry = REGISTRY.lock();
        let mut free: u16 = 0;
        let mut at = 0usize;
        for &taken in registry.taken.iter() {
            if taken != free {
                break;
            }
            free = free.saturating_add(1);
            at = at.saturating_add(1);
        }
        if free >= MAX_CONTROLLERS {
            return Err(ENOSPC);
        }
        registry.taken.insert_at(at, free)?;
        Ok(Self(free))
    }

    /// `N`.
    pub(crate) fn get(&self) -> u16 {
        self.0
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let mut registry = REGISTRY.lock();
        registry.taken.keep(|n| *n != self.0);
    }
}

/// Lets a controller be found.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn list(dev: &Device) -> Result {
    Ok(REGISTRY.lock().listed.insert_at(0, dev.into())?)
}

/// Takes a controller off the list; it is not found any more. `false` if it was not listed.
pub(super) fn unlist(dev: &Device) -> bool {
    let removed = {
        let mut registry = REGISTRY.lock();
        let at = registry
            .listed
            .iter()
            .position(|d| core::ptr::eq::<Device>(&**d, dev));
        at.and_then(|at| registry.listed.take_out(at))
    };
    // The reference is dropped outside of the lock: it may be the last one.
    removed.is_some()
}

/// The controller with an index, if it is listed.
pub(crate) fn get(index: u16) -> Option<ARef<Device>> {
    REGISTRY
        .lock()
        .listed
        .iter()
        .find(|d| d.id() == index)
        .cloned()
}

/// All controllers, newest first; a snapshot.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn all() -> Result<KVec<ARef<Device>>> {
    let registry = REGISTRY.lock();
    let mut all = vec::with_capacity(registry.listed.len())?;
    for dev in registry.listed.iter() {
        all.append(dev.clone())?;
    }
    Ok(all)
}

/// The folder that controllers make theirs in.
pub(crate) fn debugfs_root() -> Option<Dir> {
    REGISTRY.lock().debugfs.clone()
}

/// Sets the folder that controllers make theirs in, or gives it up.
pub(crate) fn set_debugfs_root(dir: Option<Dir>) {
    let old = core::mem::replace(&mut REGISTRY.lock().debugfs, dir);
    // What it holds is removed outside of the lock.
    drop(old);
}

/// Sets the LED trigger of all controllers together, or gives it up.
pub(crate) fn set_power_led(led: Option<LedTrigger>) {
    let old = core::mem::replace(&mut REGISTRY.lock().power_led, led);
    drop(old);
}

/// Gives up what the lists hold; the module is on its way out and a static is never dropped.
pub(crate) fn exit() {
    let mut registry = REGISTRY.lock();
    let listed = core::mem::take(&mut registry.listed);
    let taken = core::mem::take(&mut registry.taken);
    drop(registry);
    drop((listed, taken));
}

/// Lights the common LED while any controller is up.
pub(super) fn show_power() {
    let registry = REGISTRY.lock();
    let on = registry.listed.iter().any(|d| d.is(DevFlag::UP));
    if let Some(led) = &registry.power_led {
        led.event(if on {
            Brightness::Full
        } else {
            Brightness::Off
        });
    }
}
