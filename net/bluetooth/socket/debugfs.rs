// SPDX-License-Identifier: GPL-2.0

//! `bluetooth/l2cap` and `bluetooth/sco` in debugfs: the channels and audio links of sockets, one a
//! line, in the words of the C stack. Those that the rooms below have for themselves are not told.

use super::{
    l2cap::{
        self,
        L2capSocket, //
    },
    sco::{
        self,
        ScoSocket, //
    },
};
use crate::hci::registry;
use kernel::{
    fmt,
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};
use kernel_ext::debugfs::{
    File,
    FileOps, //
};
use wire::BdAddr;

/// An address as `%pMR` prints it.
struct Lower(BdAddr);

impl fmt::Display for Lower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0 .0;
        write!(f, "{g:02x}:{e:02x}:{d:02x}:{c:02x}:{b:02x}:{a:02x}")
    }
}

impl FileOps for L2capSocket {
    type Data = KBox<()>;

    /// Address and its kind of both ends, state, PSM, channel identifiers, MTUs, security, mode.
    fn show((): &(), out: &SeqFile) -> Result {
        let Some(sockets) = l2cap::L2CAP.sockets() else {
            return Ok(());
        };
        sockets.for_each(|sk| {
            let s = l2cap::settings_of(sk);
            seq_print!(
                out,
                "{} ({}) {} ({}) {} {} {:#06x} {:#06x} {} {} {} {}\n",
                Lower(s.src),
                s.src_type as u8,
                Lower(s.dst),
                s.dst_type as u8,
                s.state as u8,
                s.psm,
                s.scid,
                s.dcid,
                s.imtu,
                s.omtu,
                s.level as u8,
                s.mode as u8
            );
        });
        Ok(())
    }
}

impl FileOps for ScoSocket {
    type Data = KBox<()>;

    /// Address of both ends, and the socket's state.
    fn show((): &(), out: &SeqFile) -> Result {
        let Some(sockets) = sco::SCO.sockets() else {
            return Ok(());
        };
        sockets.for_each(|sk| {
            let (src, dst) = sco::addresses_of(sk);
            seq_print!(out, "{} {} {}\n", Lower(src), Lower(dst), sk.state() as u8);
        });
        Ok(())
    }
}

/// The files; gone with their drop.
pub(super) struct Files {
    _l2cap: File<L2capSocket>,
    _sco: File<ScoSocket>,
}

impl Files {
    /// Makes them. Without them everything else works all the same.
    pub(super) fn create() -> Option<Self> {
        let root = registry::debugfs_root()?;
        let nothing = || KBox::new((), GFP_KERNEL).ok();
        Some(Self {
            _l2cap: root.file(c"l2cap", 0o444, nothing()?).ok()?,
            _sco: root.file(c"sco", 0o444, nothing()?).ok()?,
        })
    }
}
