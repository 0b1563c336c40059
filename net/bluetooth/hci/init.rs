// SPDX-License-Identifier: GPL-2.0

//! Bring-up: what is read from a controller after its reset, and what is set in it.
//!
//! The order is one of dependencies: features and commands say what else can be asked, and the
//! event masks come before anything that events answer. What the controller says is recorded by
//! [`complete`](super::complete), as for commands from anywhere else; here is only what to send.
//!
//! A controller must answer the questions that nothing works without. Everything else it
//! [may](BringUp::may) refuse: there are many that list commands which they do not know.

mod bredr;
mod can;
mod codecs;
mod le;

pub(crate) use can::Can;
pub(crate) use codecs::LocalCodec;

use super::{
    CommandError,
    Device,
    Session,
    INIT_TIMEOUT_MS, //
};
use engine::{
    bringup,
    command::CompletesOn,
    listing::listed_at, //
};
use kernel::prelude::*;
use kernel_ext::hci::{
    DevFlag,
    Flag,
    Quirk, //
};
use wire::hci::{
    host_control::SetEventMask,
    info_params::{
        ReadBdAddr,
        ReadLocalCommands,
        ReadLocalExtFeatures,
        ReadLocalFeatures,
        ReadLocalVersion, //
    },
    Command,
    Opcode,
    Status, //
};

/// How a sequence of commands ended.
pub(super) type Outcome<T = ()> = Result<T, CommandError>;

/// A bring-up in progress.
struct BringUp<'a, 'b> {
    session: &'a Session<'b>,
}

impl BringUp<'_, '_> {
    fn dev(&self) -> &Device {
        self.session.dev()
    }

    /// What the controller can do, as far as it has said by now.
    fn can(&self) -> Outcome<Can<'_>> {
        Ok(Can::of(self.dev())?)
    }

    /// Sends a command without whose answer the controller is of no use.
    fn must<C: Command>(&self, command: &C) -> Outcome<C::Reply> {
        self.session.send(command).inspect_err(|e| {
            pr_err!(
                "{}: bring-up fails at command {:?}: {:?}\n",
                self.dev().name(),
                C::OPCODE,
                e
            );
        })
    }

    /// Sends a command that the controller may refuse; [`None`] if it does, or has done before.
    fn may<C: Command>(&self, command: &C) -> Outcome<Option<C::Reply>> {
        if self
            .can()?
            .commands
            .is_unknown(C::OPCODE, listed_at(C::OPCODE))
        {
            return Ok(None);
        }
        match self.session.send(command) {
            Ok(reply) => Ok(Some(reply)),
            Err(CommandError::Status(status)) => {
                // One that it does not know is struck off, which is said there, once.
                if status != Status::UNKNOWN_COMMAND {
                    pr_warn!(
                        "{}: command {:?} refused in bring-up: {:?}\n",
                        self.dev().name(),
                        C::OPCODE,
                        status
                    );
                }
                Ok(None)
            }
            // Answered, but not as it should be: by too little, or by a mere Command Status.
            Err(CommandError::Errno(e)) if e == EBADMSG || e == ENODATA => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The same, for a command that is sent on a condition.
    fn may_if<C: Command>(&self, condition: bool, command: &C) -> Outcome<Option<C::Reply>> {
        if condition {
            self.may(command)
        } else {
            Ok(None)
        }
    }
}

/// Resets the controller (Vol 4 Part E 7.3.2).
///
/// # Errors
///
/// What the controller says, or `ETIMEDOUT`, `ENODEV`.
pub(crate) fn reset(session: &Session<'_>) -> Result {
    session.put(DevFlag::RESET, true);
    session.raw(Opcode::RESET, &[], CompletesOn::Answer, INIT_TIMEOUT_MS)?;
    Ok(())
}

/// Resets the controller, unless the transport does that when it is closed.
fn reset_first(session: &Session<'_>) -> Result {
    if session.quirk(Quirk::RESET_ON_CLOSE) {
        Ok(())
    } else {
        reset(session)
    }
}

/// Reads what is needed of a controller that waits for its configuration: who made it.
///
/// # Errors
///
/// As [`reset`].
pub(crate) fn unconfigured(session: &Session<'_>) -> Result {
    if session.quirk(Quirk::RAW_DEVICE) {
        return Ok(());
    }
    reset_first(session)?;
    let up = BringUp { session };
    up.must(&ReadLocalVersion {})?;
    up.must(&ReadBdAddr {})?;
    Ok(())
}

/// Brings a controller up.
///
/// # Errors
///
/// What the controller says to one of the questions that it must answer; `ETIMEDOUT` if it does
/// not answer any question, `ENODEV` if it goes away.
pub(crate) fn run(session: &Session<'_>) -> Result {
    reset_first(session)?;
    let up = BringUp { session };
    up.must(&ReadLocalFeatures {})?;
    up.must(&ReadLocalVersion {})?;
    up.must(&ReadBdAddr {})?;
    describe(&up)?;

    bredr::pairing_and_inquiry(&up)?;
    // Page 1, the host's own features, tells what was set before; pages that follow come later.
    let ext_features = up.can()?.features.ext_features();
    up.may_if(ext_features, &ReadLocalExtFeatures { page: 1 })?;
    bredr::authentication(&up)?;

    let (bredr_capable, le_capable) = {
        let can = up.can()?;
        (can.bredr_capable(), can.le_capable())
    };
    if bredr_capable {
        bredr::basics(&up)?;
    } else {
        session.set(Flag::BREDR_ENABLED, false);
    }
    if le_capable {
        le::basics(&up)?;
        // There is nothing else that such a controller could be used for.
        if !bredr_capable {
            session.set(Flag::LE_ENABLED, true);
        }
    }

    event_mask(&up)?;
    bredr::links_and_scans(&up)?;
    further_features(&up)?;
    if le_capable {
        le::set_up(&up)?;
    }

    bredr::late(&up)?;
    if le_capable {
        le::defaults(&up)?;
    }
    Ok(())
}

/// Reads which commands there are (7.4.2); controllers of version 1.1 cannot tell.
fn describe(up: &BringUp<'_, '_>) -> Outcome {
    let tells =
        up.can()?.hci_ver > bringup::VERSION_1_1 && !up.dev().quirk(Quirk::BROKEN_LOCAL_COMMANDS);
    up.may_if(tells, &ReadLocalCommands {})?;
    Ok(())
}

/// Reads the pages of features after the host's (7.4.4).
fn further_features(up: &BringUp<'_, '_>) -> Outcome {
    use wire::hci::features::LmpFeatures;

    let can = up.can()?;
    if can.features.ext_features() {
        let pages = LmpFeatures::PAGES.min(can.max_page.saturating_add(1));
        for page in 2..pages {
            up.may(&ReadLocalExtFeatures { page })?;
        }
    }
    Ok(())
}

/// Asks for the events that are understood here (7.3.1).
fn event_mask(up: &BringUp<'_, '_>) -> Outcome {
    let can = up.can()?;
    let suspended = up.dev().is_suspended();
    if let Some(mask) = bringup::event_mask(&can.abilities(), can.inquiry_rssi(), suspended) {
        up.may(&SetEventMask { mask })?;
    }
    Ok(())
}

/// Asks for events anew, after the system was suspended or resumed. A controller that refuses is
/// logged.
pub(super) fn set_event_masks(session: &Session<'_>) {
    if let Err(e) = event_mask(&BringUp { session }) {
        pr_warn!("{}: event mask not set: {:?}\n", session.name(), e);
    }
}
