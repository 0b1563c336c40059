// SPDX-License-Identifier: GPL-2.0

//! Instances that take turns, as they must where one is advertised at a time; and instances that
//! end.

use super::{
    disable,
    ext,
    instance::NO_PREFERENCE,
    is_ext,
    start,
    Device,
    NewInstance,
    Outcome,
    Session, //
};
use crate::hci::{
    notify,
    power,
    timers::{
        self,
        Timer, //
    },
    Notice, //
};
use kernel::prelude::*;
use kernel_ext::hci::Flag;
use wire::mgmt::AdvFlags;

/// Nobody's turn ends any more.
pub(crate) fn stop_turn(dev: &Device) {
    if core::mem::take(&mut dev.state().adv.turn) != 0 {
        timers::stop(dev, Timer::AdvExpire);
    }
}

/// Advertises an instance. Without `force`, one that is being advertised is left as it is.
///
/// # Errors
///
/// As [`start`]; `EPERM` if Set Advertising has the only set there is, `EBUSY` if it is another
/// instance's turn, `ENOENT` if there is no such instance.
pub(crate) fn schedule(session: &Session<'_>, instance: u8, force: bool) -> Outcome {
    let dev = session.dev();
    let ext = is_ext(dev)?;
    if dev.has(Flag::ADVERTISING) && !ext {
        return Err(EPERM.into());
    }
    let seconds = {
        let mut state = dev.state();
        if state.adv.has_turn() {
            return Err(EBUSY.into());
        }
        let found = state.adv.find_mut(instance).ok_or(ENOENT)?;
        // Its turn, or what is left of its time if that is shorter.
        let seconds = if found.timeout == 0 || found.duration <= found.remaining {
            found.duration
        } else {
            found.remaining
        };
        if found.timeout != 0 {
            found.remaining = found.remaining.saturating_sub(seconds);
        }
        if !ext {
            state.adv.turn = seconds;
        }
        seconds
    };
    if !ext {
        let ms = u32::from(seconds).saturating_mul(1000);
        timers::start(dev, Timer::AdvExpire, ms);
    }
    // One that is alone gets turn after turn, of which the controller need not know.
    if !force && dev.state().adv.current == instance && dev.has(Flag::LE_ADV) {
        return Ok(());
    }
    dev.state().adv.current = instance;
    start(session, instance)
}

/// Removes an instance from the list, and tells.
fn forget(dev: &Device, instance: u8) -> bool {
    let was_current = dev.state().adv.current == instance;
    if was_current {
        stop_turn(dev);
    }
    let (removed, told) = {
        let mut state = dev.state();
        let told = state.adv.is_told(instance);
        (state.adv.remove(instance), told)
    };
    if removed && told {
        notify(dev, Notice::AdvertisingRemoved(instance));
    }
    removed
}

/// Removes all instances from the list that `which` accepts: timeout in seconds.
fn forget_all(dev: &Device, which: impl Fn(u16) -> bool) {
    loop {
        let next = {
            let state = dev.state();
            let found = state.adv.iter().find(|i| which(i.timeout));
            found.map(|i| i.number)
        };
        match next {
            Some(instance) => {
                if !forget(dev, instance) {
                    break;
                }
            }
            None => break,
        }
    }
}

/// The controller goes off: what is there for a limited time only is gone.
pub(super) fn forget_limited(dev: &Device) {
    forget_all(dev, |timeout| timeout != 0);
}

/// Removes all instances, of whose sets the caller takes care.
pub(crate) fn clear_instances(session: &Session<'_>) -> Outcome {
    let dev = session.dev();
    stop_turn(dev);
    forget_all(dev, |_| true);
    Ok(())
}

/// Somebody else's turn begins, if there is somebody.
fn go_on(session: &Session<'_>, next: Option<u8>) -> Outcome {
    let dev = session.dev();
    if !power::is_powered(dev) || dev.has(Flag::ADVERTISING) {
        return Ok(());
    }
    match next {
        Some(next) if !is_ext(dev)? => schedule(session, next, false),
        _ => Ok(()),
    }
}

/// The current instance's turn is over.
pub(crate) fn expired(session: &Session<'_>) {
    let dev = session.dev();
    let (instance, next, over) = {
        let mut state = dev.state();
        state.adv.turn = 0;
        let current = state.adv.current;
        let over = state
            .adv
            .find(current)
            .is_some_and(|i| i.timeout != 0 && i.remaining == 0);
        (current, state.adv.next_turn(current), over)
    };
    if instance == 0 {
        return;
    }
    let mut next = next;
    if over {
        // One that is gone gets no turn.
        next = next.filter(|n| *n != instance);
        forget(dev, instance);
    }
    let _ = go_on(session, next);
    if dev.state().adv.is_empty() {
        let _ = disable(session);
    }
}

/// Removes an instance, or all of them (0), whatever time they have left.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn remove(session: &Session<'_>, instance: u8) -> Outcome {
    let dev = session.dev();
    let ext = is_ext(dev)?;
    let (is_current, next) = {
        let state = dev.state();
        let is_current = state.adv.current == instance;
        let next = is_current.then(|| state.adv.next_turn(instance)).flatten();
        (is_current, next)
    };
    if instance == 0 || is_current {
        stop_turn(dev);
    }
    if instance != 0 {
        if ext {
            ext::remove_set_of(session, instance)?;
        } else {
            forget(dev, instance);
        }
    } else if ext {
        ext::disable_all(session)?;
        session.send(&wire::hci::le_adv::LeClearAdvSets)?;
    } else {
        forget_all(dev, |_| true);
    }
    let _ = go_on(session, next.filter(|n| *n != instance));
    if dev.state().adv.is_empty() {
        disable(session)?;
    }
    Ok(())
}

/// What an instance with one of these flags tells has changed: another one's turn begins, and
/// this one's next turn will tell.
pub(crate) fn rotate_if(session: &Session<'_>, flags: AdvFlags) -> Outcome {
    let dev = session.dev();
    let next = {
        let state = dev.state();
        let current = state.adv.current;
        let tells = state
            .adv
            .find(current)
            .is_some_and(|i| i.flags.intersects(flags));
        if !tells {
            return Ok(());
        }
        state.adv.next_turn(current)
    };
    stop_turn(dev);
    match next {
        Some(next) => schedule(session, next, true),
        None => Ok(()),
    }
}

/// How long a mesh's packet may be advertised should nobody end it, in seconds.
const MESH_TIMEOUT: u16 = 1000;

/// Advertises a packet of a mesh, in an instance of its own. It is short: if another instance is
/// taking its turn, that one goes on afterwards.
///
/// # Errors
///
/// As [`schedule`]; `EOVERFLOW` if all sets are in use. What it leaves is [`end_mesh`]'s to remove.
pub(crate) fn start_mesh(session: &Session<'_>, data: &[u8]) -> Outcome {
    let dev = session.dev();
    let sets = dev.info()?.le_adv_sets;
    let number = sets.saturating_add(1);
    {
        let mut state = dev.state();
        let d = state.defaults;
        let new = NewInstance {
            number,
            flags: AdvFlags::EMPTY,
            adv_data: data,
            scan_rsp: &[],
            timeout: MESH_TIMEOUT,
            duration: MESH_TIMEOUT,
            tx_power: NO_PREFERENCE,
            min_interval: d.le_adv_min_interval.into(),
            max_interval: d.le_adv_max_interval.into(),
            mesh: true,
        };
        state.adv.add(&new, sets, d.multi_adv_rotation)?;
    }
    stop_turn(dev);
    schedule(session, number, true)
}

/// Ends what [`start_mesh`] began.
///
/// # Errors
///
/// As [`Session::send`].
pub(crate) fn end_mesh(session: &Session<'_>) -> Outcome {
    let mesh = session.dev().state().adv.mesh();
    mesh.map_or(Ok(()), |number| {
        let result = remove(session, number);
        // Whatever the controller says, the next packet begins anew.
        drop_instance(session.dev(), number);
        result
    })
}

/// Takes an instance off the list without telling; `false` if there is none of that number.
pub(crate) fn drop_instance(dev: &Device, instance: u8) -> bool {
    if dev.state().adv.current == instance {
        stop_turn(dev);
    }
    dev.state().adv.remove(instance)
}
