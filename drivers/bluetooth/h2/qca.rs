// SPDX-License-Identifier: GPL-2.0

//! Qualcomm Atheros: what a chip needs to have downloaded, and its memory dumps.

/// What the chip says of itself (vendor request 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// ROM version, which names the files.
    pub rom: u32,
    /// Version of the patch that is in place.
    pub patch: u32,
    /// RAM version.
    pub ram: u32,
    chip_id: u8,
    platform_id: u8,
    flag: u16,
}

impl Version {
    /// Bytes in the answer.
    pub const SIZE: usize = 20;

    /// Reads the answer.
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let &[r0, r1, r2, r3, p0, p1, p2, p3, m0, m1, m2, m3, chip_id, platform_id, f0, f1, ..] =
            bytes;
        Self {
            rom: u32::from_le_bytes([r0, r1, r2, r3]),
            patch: u32::from_le_bytes([p0, p1, p2, p3]),
            ram: u32::from_le_bytes([m0, m1, m2, m3]),
            chip_id,
            platform_id,
            flag: u16::from_le_bytes([f0, f1]),
        }
    }

    /// Whether this is a chip of the generation that has no firmware without a patch.
    pub fn is_old(&self) -> bool {
        self.rom <= 0xffff
    }

    /// The board's number, if boards have files of their own.
    pub fn board(&self) -> Option<u16> {
        let [_, variants] = self.flag.to_le_bytes();
        let board = u16::from_be_bytes([self.chip_id, self.platform_id]);
        (variants == 0x80 && board != 0 && board != 0xffff).then_some(board)
    }

    fn subfolder(&self) -> Option<&'static [u8]> {
        match (self.rom, self.board()) {
            (0x0013_0201, Some(0x030a | 0x030b)) => Some(b"QCA2066/"),
            _ => None,
        }
    }

    /// Name of the patch file.
    pub fn rampatch(&self) -> FileName {
        let mut name = FileName::new(b"qca/");
        name.push(self.subfolder().unwrap_or(b""));
        name.push(b"rampatch_usb_");
        name.push_hex(self.rom, 8);
        name.push(b".bin");
        name
    }

    /// Name of the settings file.
    pub fn nvm(&self) -> FileName {
        let mut name = FileName::new(b"qca/");
        name.push(self.subfolder().unwrap_or(b""));
        name.push(b"nvm_usb_");
        name.push_hex(self.rom, 8);
        if matches!(self.ram, 0x400c_1200 | 0x400c_1211) {
            name.push(b"_gf");
        }
        if let Some(board) = self.board() {
            name.push(b"_");
            name.push_hex(u32::from(board), 4);
        }
        name.push(b".bin");
        name
    }
}

/// A firmware file's name, with its NUL.
#[derive(Clone, Copy, Debug)]
pub struct FileName {
    bytes: [u8; Self::SIZE],
    len: usize,
}

impl FileName {
    const SIZE: usize = 80;

    fn new(folder: &[u8]) -> Self {
        let mut name = Self {
            bytes: [0; Self::SIZE],
            len: 0,
        };
        name.push(folder);
        name
    }

    fn push(&mut self, text: &[u8]) {
        // The last byte stays NUL.
        let room = Self::SIZE.saturating_sub(1);
        for (to, from) in self
            .bytes
            .iter_mut()
            .take(room)
            .skip(self.len)
            .zip(text.iter())
        {
            *to = *from;
        }
        self.len = self.len.saturating_add(text.len()).min(room);
    }

    fn push_hex(&mut self, value: u32, digits: u32) {
        for digit in (0..digits).rev() {
            let nibble = value.wrapping_shr(digit.wrapping_mul(4)) & 0xf;
            let text = char::from_digit(nibble, 16).map_or(b'0', |c| c as u8);
            self.push(&[text]);
        }
    }

    /// The name and one NUL.
    pub fn as_bytes_with_nul(&self) -> &[u8] {
        self.bytes
            .get(..self.len.saturating_add(1))
            .unwrap_or(&self.bytes)
    }
}

/// Where things are in a chip's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes at the begin of the patch that go to the control endpoint.
    pub rampatch_header: usize,
    /// The same of the settings.
    pub nvm_header: usize,
    /// Where the patch has its version.
    pub version_offset: usize,
    /// The chip resets itself once it has its settings.
    pub resets: bool,
}

/// The layout for a ROM version, if the driver knows it.
pub fn layout(rom: u32) -> Option<Layout> {
    let (rampatch_header, version_offset) = match rom {
        0x0100 | 0x0101 => (20, 8),
        0x0200 | 0x0201 | 0x0300 | 0x0302 => (28, 16),
        0x0013_0100 | 0x0013_0200 | 0x0013_0201 | 0x0019_0200 => (40, 16),
        _ => return None,
    };
    Some(Layout {
        rampatch_header,
        nvm_header: 4,
        version_offset,
        resets: rom >= 0x0013_0201,
    })
}

/// Whether a patch file is for this chip, and not older than what it has. An equally old one is
/// taken: a download may have broken off.
pub fn patch_fits(file: &[u8], layout: &Layout, chip: &Version) -> bool {
    let Some(&[high0, high1, low0, low1, patch0, patch1]) = file
        .get(layout.version_offset..)
        .and_then(|rest| rest.first_chunk::<6>())
    else {
        return false;
    };
    let rom = if chip.is_old() {
        u32::from(u16::from_le_bytes([low0, low1]))
    } else {
        u32::from_le_bytes([low0, low1, high0, high1])
    };
    let patch = u32::from(u16::from_le_bytes([patch0, patch1]));
    rom == chip.rom && patch >= chip.patch
}

/// The connection handle on which the WCN6855 sends debug output as ACL data.
pub const DEBUG_HANDLE: u16 = 0x2edc;

/// The connection handle on which it sends memory dumps as ACL data.
const DUMP_HANDLE: u16 = 0x2edd;

/// Largest memory dump, in bytes.
const MAX_DUMP: u32 = 0x0010_0000;

/// Bytes of the dump in one packet.
const DUMP_PACKET: u32 = 248;

/// Number of a dump's last packet.
const LAST: u16 = 0xffff;

/// One packet of a memory dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpPacket {
    /// Its number.
    pub sequence: u16,
    /// The dump's size; in the first packet only.
    pub total: Option<u32>,
    /// Where the dump's bytes begin in the packet.
    pub offset: usize,
}

impl DumpPacket {
    /// Looks whether a packet, header included, is one of a dump.
    pub fn parse(packet: &[u8], acl: bool) -> Option<Self> {
        let mut offset = 0usize;
        let mut rest = packet;
        if acl {
            let (&[h0, h1, _, _], after) = rest.split_first_chunk::<4>()?;
            if u16::from_le_bytes([h0, h1]) != DUMP_HANDLE {
                return None;
            }
            rest = after;
            offset = offset.saturating_add(4);
        }
        // An event of the vendor's, class 1, type 8.
        let (&[0xff, _, 0x01, 0x08, s0, s1, _], after) = rest.split_first_chunk::<7>()? else {
            return None;
        };
        offset = offset.saturating_add(7);
        let sequence = u16::from_le_bytes([s0, s1]);
        let total = if sequence == 0 {
            let size = after.first_chunk::<4>()?;
            offset = offset.saturating_add(4);
            Some(u32::from_le_bytes(*size))
        } else {
            None
        };
        Some(Self {
            sequence,
            total,
            offset,
        })
    }
}

/// What to do with a packet of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpStep {
    /// Begin a dump of that size, and append.
    Begin(u32),
    /// Append.
    Append,
    /// That many bytes are lost: append as many zeroes; then the packet.
    Fill(u32),
    /// Append; that was all.
    End,
    /// Not part of any dump: drop it.
    Drop,
    /// The dump cannot be made: drop it and all that follows.
    Abort,
}

/// A dump in progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dump {
    size: u32,
    next: u32,
}

impl Dump {
    /// Whether one is in progress.
    pub fn is_active(&self) -> bool {
        self.size != 0
    }

    /// Forgets the dump.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes the next packet.
    pub fn step(&mut self, packet: &DumpPacket) -> DumpStep {
        if let Some(size) = packet.total {
            if size == 0 || size > MAX_DUMP {
                self.reset();
                return DumpStep::Abort;
            }
            *self = Self { size, next: 1 };
            return DumpStep::Begin(size);
        }
        if !self.is_active() {
            return DumpStep::Drop;
        }
        if packet.sequence == LAST {
            self.reset();
            return DumpStep::End;
        }
        let sequence = u32::from(packet.sequence);
        let lost = sequence.saturating_sub(self.next);
        self.next = sequence.saturating_add(1);
        if lost == 0 {
            DumpStep::Append
        } else {
            DumpStep::Fill(lost.saturating_mul(DUMP_PACKET).min(self.size))
        }
    }
}
