// SPDX-License-Identifier: GPL-2.0

//! Entries of the default system and runtime configuration commands: type (16 bits), length (8 bits), value.

use zerocopy::little_endian::U16;

use crate::{
    Malformed,
    Reader, //
};

layout! {
    /// What every entry starts with.
    EntryHead {
        /// See [`system`].
        kind: U16,
        /// Length of the value, in bytes.
        len: u8,
    }
}

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Which parameter; see [`system`].
    pub kind: u16,
    /// Its value; see [`Entry::u8`], [`Entry::u16`] and [`Entry::u32`].
    pub value: &'a [u8],
}

impl Entry<'_> {
    /// The value, if it has one octet.
    #[inline]
    pub fn u8(&self) -> Option<u8> {
        self.value.try_into().ok().map(u8::from_le_bytes)
    }

    /// The value, if it has two octets.
    #[inline]
    pub fn u16(&self) -> Option<u16> {
        self.value.try_into().ok().map(u16::from_le_bytes)
    }

    /// The value, if it has four octets.
    #[inline]
    pub fn u32(&self) -> Option<u32> {
        self.value.try_into().ok().map(u32::from_le_bytes)
    }

    /// Whether the value is as long as that parameter is; those that are not known may have any length.
    #[inline]
    pub const fn has_proper_len(&self) -> bool {
        match system::value_len(self.kind) {
            Some(len) => self.value.len() == len,
            None => true,
        }
    }
}

/// The entries of a command, all of which were checked to be there.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
}

impl<'a> Entries<'a> {
    /// Reads the entries; up to two octets after the last one are ignored, as in the C stack.
    ///
    /// # Errors
    ///
    /// There is not even one, a value is cut off, or one has not the length of its parameter.
    pub fn parse(params: &'a [u8]) -> Result<Self, Malformed> {
        let reader = Reader::new("configuration entry", params);
        let mut rest = reader;
        read(&mut rest)?;
        let mut check = reader;
        while check.remaining() >= core::mem::size_of::<EntryHead>() {
            let entry = read(&mut check)?;
            if !entry.has_proper_len() {
                let wanted = system::value_len(entry.kind).unwrap_or(0);
                return Err(Malformed::value(
                    "configuration entry length",
                    wanted,
                    entry.value.len(),
                ));
            }
        }
        Ok(Self { reader })
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, Malformed> {
    let head = reader.view::<EntryHead>()?;
    let value = reader.bytes(usize::from(head.len))?;
    Ok(Entry {
        kind: head.kind.get(),
        value,
    })
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        read(&mut self.reader).ok()
    }
}

/// Parameters of the default system configuration.
pub mod system {
    macro_rules! parameters {
        ($($(#[$attr:meta])* $name:ident = $kind:literal, $len:literal;)*) => {
            $($(#[$attr])* pub const $name: u16 = $kind;)*

            /// Length of the value of parameter `kind`, in bytes, if it is known.
            #[inline]
            pub const fn value_len(kind: u16) -> Option<usize> {
                match kind {
                    $($kind => Some($len),)*
                    _ => None,
                }
            }
        };
    }

    parameters! {
        /// BR/EDR page scan type.
        PAGE_SCAN_TYPE = 0x0000, 2;
        /// BR/EDR page scan interval, in units of 0.625 ms.
        PAGE_SCAN_INTERVAL = 0x0001, 2;
        /// BR/EDR page scan window, in units of 0.625 ms.
        PAGE_SCAN_WINDOW = 0x0002, 2;
        /// BR/EDR inquiry scan type.
        INQUIRY_SCAN_TYPE = 0x0003, 2;
        /// BR/EDR inquiry scan interval, in units of 0.625 ms.
        INQUIRY_SCAN_INTERVAL = 0x0004, 2;
        /// BR/EDR inquiry scan window, in units of 0.625 ms.
        INQUIRY_SCAN_WINDOW = 0x0005, 2;
        /// BR/EDR link supervision timeout, in units of 0.625 ms.
        LINK_SUPERVISION_TIMEOUT = 0x0006, 2;
        /// BR/EDR page timeout, in units of 0.625 ms.
        PAGE_TIMEOUT = 0x0007, 2;
        /// BR/EDR least sniff interval, in units of 0.625 ms.
        SNIFF_MIN_INTERVAL = 0x0008, 2;
        /// BR/EDR greatest sniff interval, in units of 0.625 ms.
        SNIFF_MAX_INTERVAL = 0x0009, 2;
        /// LE least advertising interval, in units of 0.625 ms.
        LE_ADV_MIN_INTERVAL = 0x000a, 2;
        /// LE greatest advertising interval, in units of 0.625 ms.
        LE_ADV_MAX_INTERVAL = 0x000b, 2;
        /// LE rotation of several advertisements, in seconds.
        LE_MULTI_ADV_ROTATION = 0x000c, 2;
        /// LE scan interval of background connects, in units of 0.625 ms.
        LE_SCAN_INTERVAL = 0x000d, 2;
        /// LE scan window of background connects, in units of 0.625 ms.
        LE_SCAN_WINDOW = 0x000e, 2;
        /// LE scan interval in suspend, in units of 0.625 ms.
        LE_SCAN_INTERVAL_SUSPEND = 0x000f, 2;
        /// LE scan window in suspend, in units of 0.625 ms.
        LE_SCAN_WINDOW_SUSPEND = 0x0010, 2;
        /// LE scan interval of discovery, in units of 0.625 ms.
        LE_SCAN_INTERVAL_DISCOVERY = 0x0011, 2;
        /// LE scan window of discovery, in units of 0.625 ms.
        LE_SCAN_WINDOW_DISCOVERY = 0x0012, 2;
        /// LE scan interval of advertisement monitors, in units of 0.625 ms.
        LE_SCAN_INTERVAL_ADV_MONITOR = 0x0013, 2;
        /// LE scan window of advertisement monitors, in units of 0.625 ms.
        LE_SCAN_WINDOW_ADV_MONITOR = 0x0014, 2;
        /// LE scan interval of connects, in units of 0.625 ms.
        LE_SCAN_INTERVAL_CONNECT = 0x0015, 2;
        /// LE scan window of connects, in units of 0.625 ms.
        LE_SCAN_WINDOW_CONNECT = 0x0016, 2;
        /// LE least connection interval, in units of 1.25 ms.
        LE_CONN_MIN_INTERVAL = 0x0017, 2;
        /// LE greatest connection interval, in units of 1.25 ms.
        LE_CONN_MAX_INTERVAL = 0x0018, 2;
        /// LE connection latency, in connection events.
        LE_CONN_LATENCY = 0x0019, 2;
        /// LE supervision timeout, in units of 10 ms.
        LE_SUPERVISION_TIMEOUT = 0x001a, 2;
        /// LE autoconnect timeout, in milliseconds.
        LE_AUTOCONNECT_TIMEOUT = 0x001b, 2;
        /// LE allow list scan duration for advertisement monitors, in milliseconds.
        ADV_MONITOR_ALLOWLIST_DURATION = 0x001d, 2;
        /// LE no filter scan duration for advertisement monitors, in milliseconds.
        ADV_MONITOR_NO_FILTER_DURATION = 0x001e, 2;
        /// LE interleave scan for advertisement monitors, on or off.
        ADV_MONITOR_INTERLEAVE_SCAN = 0x001f, 1;
        /// Idle timeout, in milliseconds.
        IDLE_TIMEOUT = 0x0020, 4;
    }
}
