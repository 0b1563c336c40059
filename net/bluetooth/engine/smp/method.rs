// SPDX-License-Identifier: GPL-2.0

//! Association models (Vol 3 Part H 2.3.5.1).

use wire::smp::IoCapability;

/// How the two devices make sure of each other, seen from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// They don't. Asked to confirm are users whose device could show what is going on (`capable`).
    JustWorks {
        /// The device has a way to say no.
        capable: bool,
    },
    /// Both users compare six digits.
    NumericComparison,
    /// This side shows six digits, the peer's user enters them.
    PasskeyShown,
    /// This side's user enters the digits.
    PasskeyEntered,
    /// Data went another way.
    OutOfBand,
}

impl Method {
    /// Whether it keeps out who is in the middle.
    #[inline]
    pub const fn is_authenticated(self) -> bool {
        !matches!(self, Self::JustWorks { .. })
    }

    /// Whether six digits are entered on either side.
    #[inline]
    pub const fn is_passkey(self) -> bool {
        matches!(self, Self::PasskeyShown | Self::PasskeyEntered)
    }
}

const fn has_keyboard(io: IoCapability) -> bool {
    matches!(
        io,
        IoCapability::KEYBOARD_ONLY | IoCapability::KEYBOARD_DISPLAY
    )
}

const fn can_show_and_confirm(io: IoCapability) -> bool {
    matches!(
        io,
        IoCapability::DISPLAY_YES_NO | IoCapability::KEYBOARD_DISPLAY
    )
}

/// Whether a value of the IO capability field is not reserved.
#[inline]
pub const fn is_known(io: IoCapability) -> bool {
    io.0 <= IoCapability::KEYBOARD_DISPLAY.0
}

/// What the IO capabilities allow if protection against a man in the middle is wanted (table 2.8).
///
/// `secure`: both sides do Secure Connections. `initiator`: this side asked for the pairing.
pub const fn by_capabilities(
    secure: bool,
    initiator: bool,
    own: IoCapability,
    peer: IoCapability,
) -> Method {
    let just_works = Method::JustWorks {
        capable: can_show_and_confirm(own),
    };
    if !is_known(own)
        || !is_known(peer)
        || matches!(own, IoCapability::NO_INPUT_NO_OUTPUT)
        || matches!(peer, IoCapability::NO_INPUT_NO_OUTPUT)
    {
        return just_works;
    }
    if secure && can_show_and_confirm(own) && can_show_and_confirm(peer) {
        return Method::NumericComparison;
    }
    match (has_keyboard(own), has_keyboard(peer)) {
        (false, false) => just_works,
        (true, false) => Method::PasskeyEntered,
        (false, true) => Method::PasskeyShown,
        (true, true) => match (
            matches!(own, IoCapability::KEYBOARD_ONLY),
            matches!(peer, IoCapability::KEYBOARD_ONLY),
        ) {
            // Nobody can show: both users enter the same digits.
            (true, _) => Method::PasskeyEntered,
            (false, true) => Method::PasskeyShown,
            // Both can show and enter: the initiator shows.
            (false, false) if initiator => Method::PasskeyShown,
            (false, false) => Method::PasskeyEntered,
        },
    }
}

/// What is done: nothing but Just Works unless one side wants protection against a man in the middle.
pub const fn select(
    mitm: bool,
    secure: bool,
    initiator: bool,
    own: IoCapability,
    peer: IoCapability,
) -> Method {
    let method = if mitm {
        by_capabilities(secure, initiator, own, peer)
    } else {
        Method::JustWorks {
            capable: can_show_and_confirm(own),
        }
    };
    match method {
        // Who asked for the pairing has confirmed it already.
        Method::JustWorks { .. } if initiator => Method::JustWorks { capable: false },
        other => other,
    }
}
