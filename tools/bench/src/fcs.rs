// SPDX-License-Identifier: GPL-2.0

//! The frame check sequence of L2CAP (Vol 3 Part A 3.3.5): CRC-16, least significant bit first.

const fn table() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u16;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 != 0 {
                (value >> 1) ^ 0xa001
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
}

const TABLE: [u16; 256] = table();

/// That of a frame, its header included.
pub fn of(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, octet| {
        let at = usize::from(sum as u8 ^ octet);
        (sum >> 8) ^ TABLE.get(at).copied().unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_in_the_specification() {
        // Vol 3 Part A 3.3.5, its two examples.
        let frame = [0x0e, 0, 0x40, 0, 2, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(super::of(&frame), 0x6138);
        assert_eq!(super::of(&[4, 0, 0x40, 0, 1, 1]), 0x14d4);
    }
}
